"""The load: numbered tasks of random length, always some more in the queue than the workers have taken."""

from __future__ import annotations

import random
from collections.abc import Sequence

from brokers.interface import BrokerUnavailable
from brokers.redis.bindings import KINDS
from runtime import App, Signature
from tools.havoc.apps import ASYNC_TASK, TASK
from tools.havoc.flows import flows
from tools.havoc.server import Server

BACKLOG = 50
"""Messages in the queue below which as many are added."""


TASKS = {"ours": (TASK, ASYNC_TASK), "celery": (TASK,)}
"""What each system's workers can run."""


class Load:
    """A client of our own, for Celery's workers (`peer`) too."""

    def __init__(
        self, server: Server, queue: str, peer: str, rng: random.Random, in_flows: bool = False
    ) -> None:
        """`in_flows`: in chains and chords, of which each step follows only from the one before it."""
        self._server = server
        self._queue = queue
        self._tasks = TASKS[peer]
        self._rng = rng
        self._app = App("load", broker=server.url, set_as_current=False, result_backend=server.url)
        self._in_flows = in_flows
        self.sent: set[int] = set()
        """Numbers of the tasks of which we know that they were sent."""
        self.doubtful: set[int] = set()
        """The server was lost while they were sent: they may have been or not."""

    def top_up(self) -> None:
        if not self._server.up or self._server.client.llen(self._queue) >= BACKLOG:
            return
        if self._in_flows:
            self._send_flows()
        else:
            self._send([(self._seconds(), self._countdown()) for _ in range(BACKLOG)])

    def add(self, seconds: float, countdown: float | None = None) -> int:
        """One more, of this length; its number."""
        self._send([(seconds, countdown)])
        return len(self.sent) + len(self.doubtful)

    def _send(self, works: Sequence[tuple[float, float | None]]) -> None:
        first = len(self.sent) + len(self.doubtful) + 1
        numbers = range(first, first + len(works))
        calls = [self._call(number, *work) for number, work in zip(numbers, works, strict=True)]
        try:
            self._app.send_many(calls)
        except BrokerUnavailable:
            self.doubtful.update(numbers)
        else:
            self.sent.update(numbers)

    def _send_flows(self) -> None:
        first = len(self.sent) + len(self.doubtful) + 1
        made = list(flows(first, 2 * BACKLOG, lambda number: self._call(number, self._blink(), None)))
        numbers = [number for flow in made for number in flow.numbers]
        try:
            self._app.send_many(flow.signature for flow in made)
        except BrokerUnavailable:
            self.doubtful.update(numbers)
        else:
            self.sent.update(numbers)

    def _call(self, number: int, seconds: float, countdown: float | None) -> Signature:
        call = self._app.signature(self._rng.choice(self._tasks), (number, seconds))
        return call.set(task_id=self.task_id(number), queue=self._queue, countdown=countdown)

    def _seconds(self) -> float:
        """Mostly a blink, sometimes long enough to be hit."""
        longest = self._rng.choices((0.01, 0.1, 1.0), (70, 25, 5))[0]
        return round(self._rng.uniform(0, longest), 4)

    def _blink(self) -> float:
        longest = self._rng.choices((0.002, 0.02, 0.2), (70, 25, 5))[0]
        return round(self._rng.uniform(0, longest), 4)

    def _countdown(self) -> float | None:
        """Some are due later: soon, or so late that the broker holds them until then."""
        return self._rng.choices((None, self._rng.uniform(0, 1), self._rng.uniform(1, 4)), (94, 3, 3))[0]

    def task_id(self, number: int) -> str:
        return f"{self._queue}-{number}"

    def stuck(self, numbers: set[int]) -> set[int]:
        """Those of them that are still in the queue or in somebody's care."""
        with self._server.client.pipeline() as both:  # at one moment
            unacked, waiting = both.hvals("unacked").lrange(self._queue, 0, -1).execute()
        held = unacked + waiting
        return {
            number for number in numbers if any(f'"{self.task_id(number)}"'.encode() in each for each in held)
        }

    def clean_up(self) -> None:
        exchanges = (f"_kombu.{kind}.{self._queue}" for kind in KINDS)
        self._server.client.delete(self._queue, *exchanges)
        self._app.close()
