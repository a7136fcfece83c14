"""A worker beside the tests of a project, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

APP = "runtime.integrations.app_under_test"
NAME, BROKER = "RUNTIME_TESTED_APP", "RUNTIME_TESTED_BROKER"
"""Environment variables, for that module."""
STARTS, ENDS = 30.0, 10.0
"""Seconds that it may take."""


def settings(broker: str) -> dict[str, Any]:
    """With which app and worker meet, whatever the project's own are."""
    return {
        "broker_url": broker,
        "broker_transport_options": {},
        "result_backend": broker,
        "result_backend_transport_options": {},
    }


class WorkerUnderTest:
    """Of one slot. It begins with empty queues."""

    def __init__(self, app: str, broker: str, log: Path) -> None:
        self._command = [
            sys.executable, "-m", "runtime", "-A", APP, "start",
            "--pool", "solo", "--purge", "--loglevel", "info", "-n", "tested@%h",
        ]  # fmt: skip
        path = os.pathsep.join(filter(None, sys.path))
        self._environment = {**os.environ, "PYTHONPATH": path, NAME: app, BROKER: broker}
        self._log = log

    def __enter__(self) -> Self:
        """Raises RuntimeError, with its log, if it does not start."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS
        while " ready" not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                raise RuntimeError(f"the worker has not started:\n{self.log()}")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(errors="replace")

    def _stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(ENDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
