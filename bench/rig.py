"""One system set up for one trial: a fresh server, a fresh file of marks, and its workers."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench import client, marks, tree
from bench.peers import Peer
from bench.server import Server
from bench.waiting import until

ROOT = Path(__file__).parent.parent
STOP_TIMEOUT = 10.0
TAIL = 2000
"""Characters of the worker's output shown when it fails."""


class WorkerFailed(Exception):
    """A worker did not do what was waited for; with the end of its output."""


@dataclass
class Rig:
    peer: Peer
    server: Server
    marks: marks.Reader
    environment: dict[str, str]
    log: Path
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    @property
    def pid(self) -> int:
        """Of the newest worker's first process."""
        return self._workers[-1].pid

    def client(self, verb: str, count: int) -> Any:
        """See bench.client."""
        return client.run(self.peer.app, verb, count, self.environment)

    def start_worker(self, *options: str) -> int:
        """One, or one more. When, in time.monotonic_ns(), it was executed."""
        program, *arguments = shlex.split(self.peer.command.format(url=self.server.url))
        with self.log.open("ab") as output:
            started = time.monotonic_ns()
            worker = subprocess.Popen(
                [Path(sys.executable).parent / program, *arguments, *options],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._workers.append(worker)
        return started

    def wait(self, condition: Callable[[], bool], timeout: float, failure: str) -> None:
        """Raises WorkerFailed."""
        try:
            until(condition, timeout, f"{self.peer.name}: {failure}")
        except TimeoutError as error:
            raise WorkerFailed(f"{error}\n{self.log.read_text(errors='replace')[-TAIL:]}") from None

    def stop_workers(self) -> None:
        """TERM, and after a while KILL for whoever of their trees is left."""
        running = [worker for worker in self._workers if worker.poll() is None]
        processes = [process for worker in running for process in tree.members(worker.pid)]
        for worker in running:
            worker.terminate()
        _, left = psutil.wait_procs(processes, STOP_TIMEOUT)
        for process in left:
            process.kill()
        for worker in running:
            worker.wait()
        self._workers.clear()


@contextmanager
def rig(peer: Peer, results: bool) -> Iterator[Rig]:
    """For `peer`, with no task queued and no worker started yet."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        path = directory / "marks"
        marks.create(path)
        with Server(directory) as server:
            environment = {
                **os.environ,
                **peer.environment,
                marks.VARIABLE: str(path),
                "BENCH_URL": server.url,
                "BENCH_RESULTS": "1" if results else "0",
                "PYTHONPATH": str(ROOT),
            }
            # pip has compiled the peers; what is tried out here must not be compiled anew at each start.
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            made = Rig(peer, server, marks.Reader(path), environment, directory / "log")
            try:
                yield made
            finally:
                made.stop_workers()
