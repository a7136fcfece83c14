"""Our worker and a stock Celery worker on the same queue: each takes over what the other leaves behind,
and neither takes what the other has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

VISIBILITY = 3
"""Seconds after which a Celery worker takes a message for abandoned."""
HURRY = {"visibility_timeout": VISIBILITY, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}
TASKS = 30


class CeleryWorker:
    """Its tasks note their effects in the same file as those of our worker."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.log = directory / "celery.log"
        env = {
            **os.environ,
            "CELERY_URL": server.url(),
            "CELERY_VISIBILITY_TIMEOUT": str(VISIBILITY),
            "EFFECTS": str(directory / "effects"),
        }
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tests.support.celery_app",
            "worker",
            "-c",
            "2",
            "-l",
            "info",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: b"ready." in self.log.read_bytes(), 30)

    def kill(self) -> None:
        """With its children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def celery_worker(server: Server, tmp_path: Path) -> Iterator[CeleryWorker]:
    (tmp_path / "effects").touch()
    worker = CeleryWorker(server, tmp_path)
    yield worker
    worker.kill()


def send(app: App, name: str, seconds: float, countdown: float | None = None) -> str:
    return app.send_task("tests.support.app.mark", (name, seconds), countdown=countdown).id


def assert_all_done(app: App, server: Server, sent: dict[str, str]) -> None:
    for name, task_id in sent.items():
        assert app.AsyncResult(task_id).get(timeout=30) == name
    wait_until(lambda: not server.client.hlen("unacked") and not server.client.llen("celery"), 20)


def nothing_is_between(app: App, server: Server, sent: dict[str, str]) -> bool:
    """The queue is empty, and each message in somebody's care or done. Celery first pops a message and
    then notes that it has it: killed in between, it loses it for good."""
    if server.client.llen("celery"):
        return False
    unacked = b"".join(server.client.hvals("unacked"))
    return all(task_id.encode() in unacked or app.AsyncResult(task_id).ready() for task_id in sent.values())


@pytest.mark.parametrize("killed", ["ours", "celery"])
def test_a_swap_under_load_strands_nothing(
    app: App, server: Server, tmp_path: Path, celery_worker: CeleryWorker, killed: str
) -> None:
    with Worker(server.url(**HURRY), tmp_path) as ours:
        sent = {f"m{n}": send(app, f"m{n}", 0.2, 1.5 if n % 10 == 9 else None) for n in range(TASKS)}
        if killed == "ours":
            wait_until(lambda: len(ours.effects()) > TASKS // 3, 20)
            ours.process.kill()
            ours.process.wait()
        else:
            wait_until(lambda: nothing_is_between(app, server, sent), 20)
            celery_worker.kill()
        assert_all_done(app, server, sent)


def test_what_celery_does_for_a_frozen_worker_is_not_begun_again(
    app: App, server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It knows no lease: what is old it gives out."""
    env = {"SETTINGS": json.dumps({"worker_lease": 1})}
    options = ("--prefetch-multiplier", "10")
    with Worker(server.url(**HURRY), tmp_path, *options, slots=1, env=env) as ours:
        send(app, "running", 60.0)
        sent = {f"m{n}": send(app, f"m{n}", 0.0) for n in range(4)}
        wait_until(lambda: ours.started("running") and server.client.hlen("unacked") == 5, 10)
        ours.freeze()
        request.getfixturevalue("celery_worker")
        wait_until(lambda: all(map(ours.ended, sent)), 30)
        ours.thaw()
        wait_until(lambda: "other workers have our messages" in ours.log(), 10)
        assert app.AsyncResult(send(app, "after", 0.0)).get(timeout=10) == "after"
        assert [ours.started(name) for name in sent] == [1] * 4


def test_what_a_live_worker_holds_for_long_is_run_once(
    app: App, server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A task and a countdown of several visibility timeouts."""
    with Worker(server.url(**HURRY), tmp_path) as ours:
        sent = {"long": send(app, "long", 4 * VISIBILITY), "later": send(app, "later", 0.0, 4 * VISIBILITY)}
        wait_until(lambda: ours.started("long") and server.client.hlen("unacked") == 2, 10)
        celery_worker: CeleryWorker = request.getfixturevalue("celery_worker")
        started = time.monotonic()
        assert_all_done(app, server, sent)
        assert time.monotonic() - started > 2 * VISIBILITY
        assert [ours.started(name) for name in sent] == [1, 1]
        assert "Restoring" not in celery_worker.log.read_text()
