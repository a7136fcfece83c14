"""What events tell, put together: which workers there are, what they do, and what becomes of tasks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from runtime.events.event import Event

MOST_TASKS = 5_000
"""That are remembered; beyond, the oldest is forgotten."""
MISSED = 2
"""Heartbeats that a worker may miss before it counts as dead (PROTOCOL 13.4)."""
RATE_OVER = 10.0
"""Seconds over which a rate is averaged."""

STATES = {
    "task-sent": "PENDING",
    "task-received": "RECEIVED",
    "task-started": "STARTED",
    "task-succeeded": "SUCCESS",
    "task-failed": "FAILURE",
    "task-retried": "RETRY",
    "task-revoked": "REVOKED",
    "task-rejected": "REJECTED",
}
ENDED = ("SUCCESS", "FAILURE", "REVOKED", "REJECTED")


@dataclass(slots=True)
class Worker:
    node: str
    heard_at: float = 0.0
    """When, by our own clock, epoch seconds."""
    online: bool = True
    freq: float = 2.0
    active: int = 0
    """Tasks that run."""
    processed: int = 0
    """Tasks that have begun since its start."""
    loadavg: tuple[float, ...] = ()
    software: str = ""
    _counts: deque[tuple[float, int]] = field(default_factory=deque)

    def is_alive(self, epoch: float) -> bool:
        return self.online and epoch - self.heard_at <= MISSED * self.freq

    def rate(self) -> float:
        """Tasks begun in a second, lately."""
        if len(self._counts) < 2:
            return 0.0
        (since, first), (until, last) = self._counts[0], self._counts[-1]
        return max(0, last - first) / (until - since) if until > since else 0.0

    def heard(self, event: Event, epoch: float) -> None:
        self.heard_at = epoch
        self.online = event["type"] != "worker-offline"
        self.freq = _number(event.get("freq"), self.freq) or self.freq
        self.active = int(_number(event.get("active"), self.active))
        loadavg = event.get("loadavg")
        if isinstance(loadavg, list):
            self.loadavg = tuple(_number(each, 0.0) for each in loadavg)
        if "sw_ident" in event:
            self.software = f"{event['sw_ident']} {event.get('sw_ver', '')}".strip()
        if "processed" in event:
            self.processed = int(_number(event["processed"], 0))
            self._counts.append((epoch, self.processed))
            while len(self._counts) > 2 and epoch - self._counts[0][0] > RATE_OVER:
                self._counts.popleft()


@dataclass(slots=True)
class Task:
    id: str
    state: str = "PENDING"
    at: float = 0.0
    """When it came to be in that state: epoch seconds, by the clock of the worker."""
    name: str = ""
    args: str = ""
    kwargs: str = ""
    worker: str = ""
    runtime: float | None = None
    """Seconds."""
    outcome: str = ""
    """The printed result or exception."""
    retries: int = 0

    def heard(self, event: Event, state: str) -> None:
        self.name = str(event.get("name") or self.name)
        self.args = str(event.get("args") or self.args)
        self.kwargs = str(event.get("kwargs") or self.kwargs)
        self.retries = int(_number(event.get("retries"), self.retries))
        at = _number(event.get("timestamp"), 0.0)
        if state == "PENDING" and self.worker:  # the sender tells it later than the worker
            return
        if at < self.at or (state, self.state) == ("REJECTED", "FAILURE"):  # its message, after it
            return
        self.state, self.at = state, at
        if state != "PENDING":
            self.worker = event["hostname"]
        self.runtime = event.get("runtime", self.runtime)
        self.outcome = str(event.get("result") or event.get("exception") or self.outcome)


class Cluster:
    """Fed with events, in the order in which they came."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.tasks: dict[str, Task] = {}
        """The oldest first."""
        self.ends: dict[str, int] = {}
        """State → how many tasks have ended so, since we listen."""

    def heed(self, event: Event) -> None:
        """Events of unknown types are ignored."""
        kind, uuid = event["type"], event.get("uuid")
        if kind in ("worker-online", "worker-heartbeat", "worker-offline"):
            node = event["hostname"]
            self.workers.setdefault(node, Worker(node)).heard(event, time.time())
        elif kind in STATES and isinstance(uuid, str):
            self._task(uuid).heard(event, STATES[kind])
            if STATES[kind] in ENDED:
                self.ends[STATES[kind]] = self.ends.get(STATES[kind], 0) + 1

    def _task(self, task_id: str) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            while len(self.tasks) >= MOST_TASKS:
                del self.tasks[next(iter(self.tasks))]
            task = self.tasks[task_id] = Task(task_id)
        return task


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) else otherwise
