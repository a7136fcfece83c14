"""A worker works whatever has become of its standard streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

RUNTIME = Path(sys.executable).with_name("runtime")


@pytest.mark.parametrize("streams", [">/dev/full 2>&1", "<&- >&- 2>&-"])
def test_tasks_run_without_standard_streams(app: App, server: Server, streams: str) -> None:
    command = f'exec "$0" -A tests.support.app start -c 1 {streams}'
    env = {**os.environ, "RUNTIME_BROKER_URL": server.url(), "RUNTIME_RESULT_BACKEND": server.url()}
    with subprocess.Popen(["sh", "-c", command, str(RUNTIME)], env=env) as worker:
        try:
            assert app.send_task("tests.support.app.add", (1, 2)).get(timeout=10) == 3
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
        finally:
            worker.kill()


def test_what_a_task_prints_is_there_at_once(app: App, server: Server, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, env={"PYTHONUNBUFFERED": ""}) as worker:
        app.send_task("tests.support.app.say", ("hear, hear",))
        wait_until(lambda: "hear, hear\n" in worker.log(), 5)
