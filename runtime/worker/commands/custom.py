"""Has custom commands run, in a process beside the worker: a pool with one slot."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Collection
from typing import Any, NamedTuple

from pools.interface import ChildFailed, ChildOptions, Finished, Job, Lost, Pool, TimedOut
from pools.registry import open_pool
from runtime.protocol import json_dialect
from runtime.remote.command import Command
from runtime.worker.child import boot_argument
from runtime.worker.options import WorkerOptions

logger = logging.getLogger("runtime.worker")

LIMIT = 30.0
"""Seconds that a command may run."""
MOST_WAITING = 100
"""Commands that may wait for their turn."""
STOP_TIMEOUT = 0.2
"""Seconds that the process gets to leave."""


class Answer(NamedTuple):
    command: Command
    value: Any


class CustomCommands:
    """There is no process as long as the app has no such commands. Owned by the panel."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._names: Collection[str] = ()
        self._pool: Pool | None = None
        self._numbers = itertools.count()
        self._waiting: deque[Command] = deque()
        self._running: dict[int, Command] = {}
        """By the number of its job; one at most."""

    def loaded(self, names: Collection[str]) -> Pool | None:
        """The children's code is loaded, (anew): it has these commands. The pool, if it is new."""
        self._names = names
        if self._pool is not None:
            self._pool.restart()
            return None
        if not names:
            return None
        boot = self._options.children.commands
        self._pool = open_pool("prefork", 1, ChildOptions(boot, boot_argument(self._options, "prefork", 1)))
        self._pool.start()
        return self._pool

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def add(self, command: Command) -> list[Answer]:
        """To be run when those before it have been. What is answered at once: that there are too many."""
        if len(self._waiting) >= MOST_WAITING:
            return [Answer(command, {"error": f"{MOST_WAITING} commands wait already"})]
        self._waiting.append(command)
        self._submit()
        return []

    def next_deadline(self) -> float:
        return float("inf") if self._pool is None else self._pool.next_deadline()

    def receive(self, now: float) -> list[Answer]:
        """Those that have ended."""
        if self._pool is None:
            return []
        answers = []
        for event in self._pool.receive(now):
            if isinstance(event, Finished):
                answers.append(Answer(self._running.pop(event.job), json_dialect.loads(event.payload)))
            elif isinstance(event, TimedOut):
                answers.append(self._failed(event.job, f"it ran for more than {LIMIT:g} s"))
            elif isinstance(event, Lost):
                answers.append(self._failed(event.job, f"its process died: exit code {event.exitcode}"))
            elif isinstance(event, ChildFailed):
                answers += self._cannot_run(event)
        self._submit()
        return answers

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop(STOP_TIMEOUT)

    def _submit(self) -> None:
        if self._pool is not None and self._waiting and self._pool.idle():
            command, number = self._waiting[0], next(self._numbers)
            payload = json_dialect.dumps([command.method, command.arguments])
            if self._pool.submit([Job(number, payload, hard=LIMIT)], depth=0):
                self._running[number] = self._waiting.popleft()

    def _failed(self, job: int, reason: str) -> Answer:
        command = self._running.pop(job)
        logger.error("Remote control: %s: %s", command.method, reason)
        return Answer(command, {"error": reason})

    def _cannot_run(self, event: ChildFailed) -> list[Answer]:
        logger.error("Remote control: the process for custom commands could not boot: %s", event.reason)
        waiting, self._waiting = self._waiting, deque()
        return [
            Answer(command, {"error": "the process for custom commands cannot boot"}) for command in waiting
        ]
