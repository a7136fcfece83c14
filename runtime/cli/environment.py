"""Environment variables that are nearly ours: whoever sets one would wait for what it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runtime.near import did_you_mean

PREFIX = "RUNTIME_"


def misspelt(given: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """What to say of each. One that is like none of ours may be a project's own."""
    ours = {name.removeprefix(PREFIX) for name in known}
    for name in given:
        own = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and own not in ours and (hint := did_you_mean(own, ours)):
            yield f"{name} in the environment means nothing: behind {PREFIX} there is no {own!r}{hint}"
