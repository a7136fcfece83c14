"""Stock Flower as a process, and its API."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import wait_until
from tests.support.worker import ROOT


class Flower:
    """`celery flower` for whoever is on the broker. A context manager: entered once it answers."""

    def __init__(self, broker: str, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._log = directory / "flower.log"
        port = self.url.rpartition(":")[2]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.support.celery_app", "flower",
                 "--address=127.0.0.1", f"--port={port}", "--inspect_timeout=2000"],
                cwd=ROOT,
                env={**os.environ, "CELERY_URL": broker, "FLOWER_UNAUTHENTICATED_API": "true"},
                stdout=log,
                stderr=log,
            )  # fmt: skip

    def __enter__(self) -> Self:
        wait_until(self._answers, 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it has nothing to put in order, and takes seconds to leave by itself
        self._process.wait()
        if error is not None:
            sys.stderr.write(f"--- log of Flower\n{self._log.read_text()[-4000:]}\n")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, **fields: object) -> str:
        """What it says has been done. Raises HTTPError when it could not be."""
        body = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"{self.url}/api/{path}", body, timeout=10) as answer:
            return str(json.load(answer)["message"])

    def state_of(self, task_id: str) -> str | None:
        """As it has heard by events."""
        try:
            return str(self.get(f"task/info/{task_id}")["state"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/healthcheck", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
