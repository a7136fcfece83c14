"""A real Celery worker as a process under test: the peer whose answers ours are held against."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.support.waiting import wait_until
from tests.support.worker import ROOT


class CeleryWorker:
    """`celery -A <app> worker …`. mingle: it asks the others when it starts. gossip: it
    listens to them."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *options: str,
        slots: int = 2,
        name: str = "c1",
        mingle: bool = False,
        gossip: bool = False,
        app: str = "tests.support.celery_app",
    ) -> None:
        self.node = f"{name}@test"
        self.log_file = directory / f"{name}.log"
        (directory / "effects").touch()
        env = {**os.environ, "CELERY_URL": url, "EFFECTS": str(directory / "effects")}
        command = [
            sys.executable, "-m", "celery", "-A", app, "worker",
            "-c", str(slots), "-n", self.node, "-l", "info", *options,
        ]  # fmt: skip
        if not mingle:
            command.append("--without-mingle")
        if not gossip:
            command.append("--without-gossip")
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)

    def __enter__(self) -> CeleryWorker:
        wait_until(lambda: "ready." in self.log() or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")
