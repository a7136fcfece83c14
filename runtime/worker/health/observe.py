"""Asks the owners of a worker's state how it is."""

from __future__ import annotations

from pools.interface import Pool
from runtime.worker.absence import Absence
from runtime.worker.health.condition import Condition
from runtime.worker.ledger import Ledger
from runtime.worker.lifecycle import Life
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.fetch import Fetcher


def observe(
    life: Life,
    absence: Absence,
    pool: Pool,
    ledger: Ledger,
    dispatcher: Dispatcher,
    fetcher: Fetcher,
    *,
    loaded: bool,
) -> Condition:
    """As things are now: nothing of it is counted on the side. `loaded`: the children's code is."""
    running, idle = len(pool.running()), pool.idle()
    return Condition(
        state=life.state,
        loaded=loaded,
        connected=not absence,
        fetched_at=fetcher.fetched_at,
        emptied_at=fetcher.emptied_at,
        slots=pool.slots(),
        children=len(pool.pids()),
        staffed=bool(running or idle),
        ends_of_children=pool.ends(),
        running=running,
        waiting=len(dispatcher) + pool.queued(),
        reserved=len(ledger),
        unacked=sum(bool(reservation.tag) for reservation in ledger),
    )
