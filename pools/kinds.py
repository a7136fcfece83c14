"""The kinds of pools: what differs between them is what runs inside a child."""

from __future__ import annotations

from dataclasses import dataclass

SHORTCOMINGS = {
    "soft_limit_in_c": "a soft limit interrupts a C call (`time.sleep`, a driver's query); "
    "elsewhere it is raised when the call returns",
    "blame": "only the job that killed its child is Lost; elsewhere all that ran in the child are",
    "end_one": "a hard limit and `kill` stop the job; elsewhere, while other jobs run in its child, it "
    "is told as ended and may go on until they have ended or `drain_timeout` is over",
}
"""What not every kind can do, by the word that stands for it in `Kind.cannot`."""


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
    cannot: tuple[str, ...] = ()
    """Keys of SHORTCOMINGS."""


PREFORK = Kind("prefork", "pools.prefork_child:serve", wide=False)
THREADS = Kind(
    "threads", "pools.threads_child:serve", wide=True, cannot=("soft_limit_in_c", "blame", "end_one")
)

BY_NAME = {kind.name: kind for kind in (PREFORK, THREADS)}
