"""How many files the supervisor may have open: each child takes five descriptors of it."""

from __future__ import annotations

import resource

ENOUGH = 65_536
"""For 13,000 children."""


def provide() -> None:
    """Raise the bound as far as we may. Service managers often give 1,024, which is 190 children; children
    inherit the new bound. (A task that uses select() cannot watch descriptors above 1,023; it would have to
    open so many.)"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
