"""Asks the owners of a worker's state how it is."""

from __future__ import annotations

from runtime.worker.core import Core
from runtime.worker.health.condition import Condition


def observe(core: Core) -> Condition:
    """As things are now: nothing of it is counted on the side."""
    pool = core.pool
    running, idle = len(pool.running()), pool.idle()
    return Condition(
        state=core.life.state,
        loaded=core.code.loads > 0,
        connected=not core.absence,
        fetched_at=core.fetcher.fetched_at,
        emptied_at=core.fetcher.emptied_at,
        slots=pool.slots(),
        children=len(pool.pids()),
        staffed=bool(running or idle),
        ends_of_children=pool.ends(),
        running=running,
        waiting=len(core.dispatcher) + pool.queued(),
        reserved=len(core.ledger),
        dropped_events=core.outbox.dropped,
        unacked=sum(bool(reservation.tag) for reservation in core.ledger),
    )
