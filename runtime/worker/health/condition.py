"""What the supervisor's loop says of itself at one moment: facts, no opinion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runtime.worker.lifecycle import State


class Condition(NamedTuple):
    """Made by the supervisor when somebody wants to know. The defaults are a worker that starts."""

    state: State = State.RUNNING
    loaded: bool = False
    """The children's code has been loaded."""
    connected: bool = False
    """There is a connection to the broker."""
    fetched_at: float = 0.0
    """time.monotonic() at which the broker last answered a take, or a full worker had no use for one."""
    emptied_at: float = 0.0
    """time.monotonic() at which a take last left nothing behind in any queue; if none did, of the start."""
    slots: int = 0
    children: int = 0
    """Processes that exist."""
    staffed: bool = False
    """At least one of them has booted and lives."""
    ends_of_children: Mapping[str, int] = {}
    """See `pools.interface.Pool.ends`."""
    running: int = 0
    waiting: int = 0
    """Reserved, due, and not begun."""
    reserved: int = 0
    """In the ledger: running, waiting, or nearly due."""
    unacked: int = 0
    """Those of them that are not acknowledged yet."""
    dropped_events: int = 0
    """Task events that found no room, since the start."""
