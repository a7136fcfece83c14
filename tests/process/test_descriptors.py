"""A worker needs many descriptors, and is often given few."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.servers import Server
from tests.support.waiting import wait_until

RUNTIME = Path(sys.executable).with_name("runtime")


def test_a_worker_raises_its_own_bound(server: Server) -> None:
    command = 'ulimit -S -n 64; exec "$0" -A tests.support.app start -c 20'
    env = {**os.environ, "RUNTIME_BROKER_URL": server.url(), "RUNTIME_RESULT_BACKEND": server.url()}
    with subprocess.Popen(["sh", "-c", command, str(RUNTIME)], env=env) as worker:
        try:
            process = psutil.Process(worker.pid)
            wait_until(lambda: len(process.children(recursive=True)) == 1 + 20, 10)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
        finally:
            worker.kill()
