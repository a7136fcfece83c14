"""All that a command may read of the worker, and do to it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from brokers.interface import Consumer, Held, Settlement
from brokers.queue import Queue
from runtime.execution.chords import is_join
from runtime.execution.manifest import Manifest
from runtime.protocol.task_message import TaskMessage
from runtime.worker.autoscale import Autoscaler
from runtime.worker.core import Core
from runtime.worker.ledger import Reservation
from runtime.worker.plan import Plan
from runtime.worker.size import Bounds
from runtime.worker.withdraw import withdraw


class WorkerView:
    """Reads ask the owners of the worker's state, at the moment of the call. Verbs return at once; what they
    end is settled after the command. Supervisor's loop only."""

    def __init__(self, plan: Plan, core: Core, broker: Consumer, autoscaler: Autoscaler | None) -> None:
        self.app = plan.app
        self.plan = plan
        self.node = plan.node
        self.clock = core.clock
        self.started_at = time.monotonic()
        self.revoked = core.revoked
        self.task_events = core.task_events
        self.pulse = core.pulse
        self.elections = core.elections
        self.held: list[Held] = []
        """What the broker holds until it is due; only for commands that need it (`registry.Entry`)."""
        self.samples: list[int] = []
        """Bytes of memory at each `memsample`."""
        self._core = core
        self._pool = core.pool
        self._broker = broker
        self._autoscaler = autoscaler
        self._settlements: list[Settlement] = []

    # What may be read ---------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """The tasks of the children's code; `limit_task` changes them."""
        return self._core.code.manifest

    def active(self) -> list[Reservation]:
        """Tasks that run."""
        return [reservation for reservation in self._core.ledger if reservation.started is not None]

    def reserved(self) -> list[Reservation]:
        """Tasks that are due and wait for a slot."""
        waiting = {reservation.id for reservation in self._core.nearly_due}
        return [each for each in self._core.ledger if each.started is None and each.id not in waiting]

    def nearly_due(self) -> list[Reservation]:
        """Tasks here that wait for their time; most do so at the broker (`held`)."""
        return list(self._core.nearly_due)

    def totals(self) -> dict[str, int]:
        """Task name → how many have begun."""
        return dict(self._core.ledger.totals)

    def queues(self) -> list[Queue]:
        """Those that are consumed."""
        return [self._core.declared[name] for name in self._broker.queues]

    def slots(self) -> int:
        return self._pool.slots()

    def autoscale(self) -> Bounds | None:
        """Bounds between which the pool's size follows the load; None: it does not."""
        return None if self._autoscaler is None else self._autoscaler.bounds

    def pids(self) -> list[int]:
        return self._pool.pids()

    def pool_kind(self) -> str:
        return self.plan.size.kind

    # What may be done ---------------------------------------------------------------------------------

    def withdraw(self, is_meant: Callable[[TaskMessage], bool], texts: Iterable[str]) -> None:
        """Tasks that have not begun here, and are known as revoked by now, end: out of the worker, their
        results stored. texts: one of these is in each message; so the broker finds those that it holds."""
        self._settlements += withdraw(self._core, is_meant)
        self._core.inquiry.seek(texts)

    def mark_revoked(self, ids: Sequence[str]) -> None:
        """Wherever they are: the results of these tasks say so, unless one has begun somewhere."""
        self._settlements += [
            settlement for task_id in ids if (settlement := self._core.settler.marked_revoked(task_id)).writes
        ]

    def terminate(self, reservations: Sequence[Reservation], number: signal.Signals) -> None:
        """End these, which run. SIGKILL and SIGTERM: they are killed, and end as revoked. SIGUSR1: a soft
        limit is raised in them, and they end as they will. Any other goes to the child of each: raises
        ValueError, and ends nothing, where that may run several."""
        meant = [each for each in reservations if not is_join(each.task)]
        jobs = [each.id for each in meant]
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._pool.kill(jobs)
        elif number == signal.SIGUSR1:
            self._pool.interrupt(jobs)
        else:
            self._pool.send_signal(jobs, number)
        for reservation in meant:
            reservation.terminated = number
            self._core.record.terminated(reservation, number)
        self._settlements += [
            settlement for each in meant if (settlement := self._core.settler.told_to_end(each)).writes
        ]

    def limit_task(self, name: str, soft: float | None, hard: float | None) -> None:
        """For those that come from now on, until the children's code is loaded anew. Seconds; None: the
        worker's limit. Raises KeyError for an unknown task."""
        self.manifest[name] = replace(self.manifest[name], soft_time_limit=soft, time_limit=hard)

    def limit_rate(self, name: str, limit: str | float | None) -> None:
        """The same for a task's rate limit; what waits already is to heed it, too. Raises KeyError for an
        unknown task, ValueError for what is no limit."""
        options = self.manifest[name]
        self._core.limits.change(name, limit)
        self.manifest[name] = replace(options, rate_limit=limit)

    def rates_are_limited(self) -> bool:
        return not self._core.limits.disabled

    def grow(self, slots: int) -> None:
        self._pool.grow(slots)

    def rescale(self, bounds: Bounds) -> None:
        """Change what `autoscale` tells; only if that is not None."""
        assert self._autoscaler is not None
        self._autoscaler.change(bounds)

    def shrink(self, slots: int) -> None:
        """Raises ValueError when none would be left."""
        self._pool.shrink(slots)

    def consume(self, queue: Queue) -> None:
        """From this queue too."""
        self._core.declared[queue.name] = queue
        self._broker.bind((queue,))
        if queue.name not in self._broker.queues:
            self._broker.consume((*self._broker.queues, queue.name))

    def cancel(self, queue: str) -> None:
        """Not from this queue any more."""
        if queue in self._broker.queues:
            self._broker.consume([each for each in self._broker.queues if each != queue])

    def signal(self, number: signal.Signals) -> None:
        """As if this process got it: the loop heeds it in its next turn."""
        signal.raise_signal(number)

    # For the panel ------------------------------------------------------------------------------------

    def take_settlements(self) -> list[Settlement]:
        """Of what the verbs have ended."""
        settlements, self._settlements = self._settlements, []
        return settlements
