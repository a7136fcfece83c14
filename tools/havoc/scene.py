"""What there is to break, and what is told of a harm when it is over."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

import psutil

from tools.havoc.fleet import Fleet, Worker
from tools.havoc.plan import Plan
from tools.havoc.server import Server


class Harm(NamedTuple):
    name: str
    at: float
    """time.monotonic(), just before."""
    until: float
    """When it was over: the process dead, or the victim back."""
    reruns: bool = False
    """Whether what the victim was running may rightly run again."""
    worker: str = ""
    """Empty: the server was the victim."""
    life: int = 0
    pid: int = 0
    """Of the one child that was the victim, with all that it ran; 0: the whole worker."""
    struck: float = 0.0
    """When what was running ended by it; 0: there is no such moment, or several."""
    kills: bool = False
    """It was a SIGKILL."""


class Victim(NamedTuple):
    """A worker in one of its lives: when the harm is over it may be in the next one."""

    worker: Worker
    life: int

    def lives(self) -> bool:
        return self.worker.life == self.life and self.worker.running()

    def signal(self, number: signal.Signals) -> None:
        if self.lives():
            self.worker.signal(number)

    def kill(self) -> None:
        if self.lives():
            self.worker.signal(signal.SIGKILL)
            self.worker.process.wait()

    def suffered(
        self,
        name: str,
        at: float,
        *,
        reruns: bool = False,
        pid: int = 0,
        struck: float | None = None,
        kills: bool = False,
    ) -> Harm:
        """From `at` until now; `struck`: at once, if not said otherwise."""
        struck = at if struck is None else struck
        return Harm(name, at, time.monotonic(), reruns, self.worker.name, self.life, pid, struck, kills)


class Scene(NamedTuple):
    """What there is to break."""

    fleet: Fleet
    server: Server
    plan: Plan
    rng: random.Random
    points: Iterator[str]
    """Where workers are to kill themselves, one after the other, without end."""

    def victim(self) -> Victim | None:
        running = [worker for worker in self.fleet.workers if worker.running()]
        worker = self.rng.choice(running) if running else None
        return None if worker is None else Victim(worker, worker.life)

    def child(self, victim: Victim, *, makes_others: bool = False) -> psutil.Process | None:
        """A descendant that runs tasks; or the one that makes the others (Celery has none). That one is our
        supervisor's own child, also while it has made none yet."""
        ours = self.plan.peer == "ours"
        supervisor = victim.worker.process.pid
        fitting = [
            each
            for each in victim.worker.descendants()
            if (ours and _parent(each) == supervisor) is makes_others
        ]
        return self.rng.choice(fitting) if fitting else None


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0
