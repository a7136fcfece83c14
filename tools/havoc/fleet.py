"""The workers under harm: real processes, started anew whenever they have ended."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psutil

from tools.havoc import ledger, rows
from tools.havoc.plan import Plan

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "ours": "runtime -A tools.havoc.apps.ours start --pool {pool} -c {slots} -n {name}@chaos -Q {queue}"
    " -l warning --quiet",
    "celery": "celery -A tools.havoc.apps.celery worker --pool {pool} -c {slots} -n {name}@chaos -Q {queue}"
    " -l WARNING",
}


class Footprint(NamedTuple):
    """What a supervisor occupies."""

    life: int
    megabytes: float
    """Resident."""
    descriptors: int
    threads: int


DEADLY = (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL)
"""What ends a worker."""


@dataclass(slots=True)
class Span:
    """One life of a worker. Times are time.monotonic()."""

    began: float
    ended: float = float("inf")
    """When we saw that it was over."""
    doomed: bool = False
    """Something was done to it that ends a worker; else it is to live."""


class Worker:
    def __init__(
        self, name: str, command: str, environment: Mapping[str, str], log: Path, absence: float
    ) -> None:
        """`absence`: seconds that it stays away after its end, at most."""
        self.name = name
        self.client_name = f"{name}-{uuid4().hex[:8]}"
        """Of its connections, as `CLIENT LIST` shows it."""
        self.lives: list[Span] = []
        self.stop_at = ""
        """Where its next life kills itself (`rows`)."""
        self.log = log
        self._absence = absence
        program, *options = command.split()
        self._command = [str(Path(sys.executable).with_name(program)), *options]
        own = {ledger.WORKER: name, "HAVOC_CLIENT": self.client_name}
        self._environment = {**os.environ, **environment, **own}
        self._start_at = 0.0

    @property
    def life(self) -> int:
        """How often it has been started."""
        return len(self.lives)

    def start(self) -> None:
        self.lives.append(Span(time.monotonic(), doomed=bool(self.stop_at)))
        self._start_at = 0.0
        environment = {**self._environment, ledger.LIFE: str(self.life)}
        if self.stop_at:
            environment |= rows.environment(self.stop_at, environment["PYTHONPATH"])
            self.stop_at = ""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.lives[-1].doomed |= number in DEADLY
        self.process.send_signal(number)

    def tend(self, rng: random.Random, now: float) -> None:
        """Start it anew, some time after its end."""
        if self.running():
            return
        if not self._start_at:
            self.lives[-1].ended = now
            self._start_at = now + rng.choice((0.0, rng.uniform(0, self._absence)))
        elif now >= self._start_at:
            self.start()

    def descendants(self) -> list[psutil.Process]:
        if not self.running():
            return []
        return psutil.Process(self.process.pid).children(recursive=True)

    def footprint(self) -> Footprint:
        process = psutil.Process(self.process.pid)
        with process.oneshot():
            size = process.memory_info().rss / 2**20
            return Footprint(self.life, size, process.num_fds(), process.num_threads())


class Fleet:
    """A context manager: leaving it kills the workers that are left."""

    def __init__(self, plan: Plan, url: str, queue: str, directory: Path) -> None:
        environment = {
            "HAVOC_URL": url,
            "HAVOC_LEASE": str(plan.lease),
            ledger.FILE: str(directory / "ledger"),
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
        }
        self.workers = []
        for number in range(1, plan.workers + 1):
            name = f"w{number}"
            command = COMMANDS[plan.peer].format(pool=plan.pool, slots=plan.slots, name=name, queue=queue)
            if plan.processes is not None:
                command += f" --processes {plan.processes}"
            log = directory / f"{name}.log"
            self.workers.append(Worker(name, command, environment, log, plan.absence))

    def __enter__(self) -> Fleet:
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    def tend(self, rng: random.Random) -> None:
        now = time.monotonic()
        for worker in self.workers:
            worker.tend(rng, now)

    def footprints(self) -> dict[str, Footprint]:
        return {worker.name: worker.footprint() for worker in self.workers}

    def stop(self, timeout: float) -> dict[str, int | None]:
        """TERM to all; the exit code of each, None for one that had to be killed."""
        codes: dict[str, int | None] = {}
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout
        for worker in self.workers:
            try:
                codes[worker.name] = worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                codes[worker.name] = None
        return codes
