"""The kinds of pools: what differs between them is what runs inside a child."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A description, the same in the supervisor and in its fork server."""

    name: str
    serve: str
    """`module:function`: the loop of a child (see `pools.child`)."""
    wide: bool
    """A child can run several jobs at once."""
    prepare: str | None = None
    """`module:function`, called in the fork server before it imports the user's code."""


PREFORK = Kind("prefork", "pools.prefork_child:serve", wide=False)

BY_NAME = {kind.name: kind for kind in (PREFORK,)}
