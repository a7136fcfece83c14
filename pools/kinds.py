"""The kinds of pools: what differs between them is what runs inside a child."""

from __future__ import annotations

from dataclasses import dataclass

SHORTCOMINGS = {
    "soft_limit_in_c": "A soft limit interrupts a C call (`time.sleep`, a query); else it is raised when the "
    "call returns.",
    "blame": "Only the job that killed its child is lost; else all that ran in that child are.",
    "end_one": "A hard limit stops the job; else, if others run in its child, it is told as ended, and the "
    "child killed when those have ended or `drain_timeout` is over.",
    "event_loops": "Jobs of one child can use `asyncio.run` side by side; else RuntimeError in all but one.",
    "multiprocessing_pool": "A job can use `multiprocessing.Pool`; else its threads block the hub.",
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
    after_fork: str | None = None
    """`module:function`, called in a child before all else."""
    cannot: tuple[str, ...] = ()
    """Keys of SHORTCOMINGS."""


PREFORK = Kind("prefork", "pools.prefork_child:serve", wide=False)
THREADS = Kind(
    "threads", "pools.threads_child:serve", wide=True, cannot=("soft_limit_in_c", "blame", "end_one")
)
ASYNCIO = Kind(
    "asyncio", "pools.asyncio_child:serve", wide=True, cannot=("soft_limit_in_c", "blame", "end_one")
)
GEVENT = Kind(
    "gevent",
    "pools.gevent_child:serve",
    wide=True,
    prepare="pools.gevent_child:prepare",
    after_fork="pools.gevent_child:after_fork",
    cannot=("blame", "end_one", "event_loops", "multiprocessing_pool"),
)

BY_NAME = {kind.name: kind for kind in (PREFORK, THREADS, ASYNCIO, GEVENT)}
