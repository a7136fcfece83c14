"""A real worker in a process of its own, started as a user would start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
POOLS = ("prefork", "threads", "asyncio", "gevent")
WIDE = POOLS[1:]
"""Whose children run several tasks at once."""


class Worker:
    """`runtime -A tests.support.app start …`; its log and the effects of its tasks are files."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *options: str,
        app: str = "tests.support.app",
        pool: str = "prefork",
        slots: int | None = 2,
        loglevel: str = "info",
        env: Mapping[str, str] | None = None,
        name: str = "w1",
        stdin: int | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.node = f"{name}@test"
        self.effects_file = directory / "effects"
        self.effects_file.touch()
        self.log_file = directory / f"{name}.log"
        self._command = [
            str(Path(sys.executable).with_name("runtime")), "-A", app, "start",
            *([] if slots is None else ["-c", str(slots)]),
            "--pool", pool, "-n", self.node, "--loglevel", loglevel, *options,
        ]  # fmt: skip
        self._env = {
            **os.environ,
            "RUNTIME_BROKER_URL": url,
            "RUNTIME_RESULT_BACKEND": url,
            "EFFECTS": str(self.effects_file),
            **(env or {}),
        }
        self._stdin = stdin
        self._cwd = cwd
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=self._cwd, env=self._env, stdin=self._stdin, stdout=log, stderr=log
            )

    def __enter__(self) -> Worker:
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if error is not None:
            sys.stderr.write(f"--- log of {self.node}\n{self.log()[-8000:]}\n")

    def wait_ready(self) -> None:
        wait_until(lambda: "ready" in self.log() or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log()

    def again(self, wait: bool = True) -> None:
        """Start it anew after it has ended, and wait until it is ready."""
        self.log_file.write_text("")
        self.process = self._spawn()
        if wait:
            self.wait_ready()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def effects(self) -> list[str]:
        """The lines its tasks have noted."""
        return self.effects_file.read_text().splitlines()

    def started(self, name: str) -> int:
        """How often the task that marks this name was started."""
        return sum(line.startswith(f"start {name} ") for line in self.effects())

    def pid_of(self, name: str) -> int:
        """The child that began that task first."""
        return next(int(line.split()[2]) for line in self.effects() if line.startswith(f"start {name} "))

    def ended(self, name: str) -> int:
        return self.effects().count(f"end {name}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 10) -> int:
        """Its exit code."""
        return self.process.wait(timeout)

    def freeze(self) -> None:
        """Stop the supervisor, then all its descendants."""
        for pid in (self.process.pid, *self.children()):
            freeze(pid)

    def thaw(self) -> None:
        for pid in (*self.children(), self.process.pid):
            with suppress(ProcessLookupError):  # a child may just be replaced
                os.kill(pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """Pids of all its descendants."""
        import psutil

        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]


def freeze(pid: int) -> None:
    """Stop a process, and wait until none of its threads goes on: the last may read a message meanwhile."""

    def stopped(stat: Path) -> bool:
        return stat.read_text().rpartition(")")[2].split()[0] == "T"

    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(stopped, Path(f"/proc/{pid}/task").glob("*/stat"))), 5)
