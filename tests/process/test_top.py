"""`runtime top` and `runtime events`, as a person or a script uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

TASKS = "tests.support.app."
RUNTIME = str(Path(sys.executable).with_name("runtime"))


@pytest.fixture
def watched(server: Server, tmp_path: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path, "-E") as worker:
        yield worker


def env(server: Server) -> dict[str, str]:
    return {"RUNTIME_BROKER_URL": server.url(), "RUNTIME_RESULT_BACKEND": server.url()}


def test_top_shows_workers_and_tasks_and_operates_them(app: App, server: Server, watched: Worker) -> None:
    with Terminal([RUNTIME, "-A", "tests.support.app", "top"], env(server)) as terminal:
        terminal.shows(watched.node)
        wait_until(lambda: "online" in terminal.line_with(watched.node))
        app.control.disable_events(reply=True, limit=1)
        terminal.press("e")
        terminal.shows("task events enabled")
        app.send_task(TASKS + "add", (1, 2)).get(timeout=10)
        wait_until(lambda: "SUCCESS" in terminal.line_with("(1, 2)"))
        later = app.send_task(TASKS + "add", (3, 4), countdown=600)
        terminal.shows("RECEIVED")
        terminal.press("\t\x1b[A")  # to the tasks, and there up to the newest
        terminal.press("r")
        wait_until(lambda: later.state == "REVOKED")
        running = app.send_task(TASKS + "mark", ("long", 60))
        terminal.shows("STARTED")
        terminal.shows("1 of 2 slots busy")
        terminal.press("\x1b[A")
        terminal.press("k")
        wait_until(lambda: running.state == "REVOKED")
        wait_until(lambda: "REVOKED" in terminal.line_with("mark"))
        terminal.press("\t")
        terminal.press("z")
        wait_until(lambda: "Worker is quiet" in watched.log())
        waiting = app.send_task(TASKS + "add", (3, 4))
        terminal.shows("waiting: celery 1")
        terminal.press("c")
        assert waiting.get(timeout=10) == 7
        terminal.press("s")
        terminal.shows("press s again")
        terminal.press("s")
        assert watched.wait() == 0
        wait_until(lambda: "offline" in terminal.line_with(watched.node))
        terminal.press("q")
        assert terminal.process.wait(10) == 0


def test_events_are_printed_as_they_come(app: App, server: Server, watched: Worker) -> None:
    command = [RUNTIME, "-A", "tests.support.app", "events", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env(server)}, stdout=subprocess.PIPE)
    lines: IO[bytes] = process.stdout  # type: ignore[assignment]
    try:
        assert json.loads(lines.readline())["type"] == "worker-heartbeat", "asked for by who begins to listen"
        sent = app.send_task(TASKS + "add", (1, 2))
        types = []
        while "task-succeeded" not in types:
            event = json.loads(lines.readline())
            if event.get("uuid") == sent.id:
                types.append(event["type"])
        assert types == ["task-received", "task-started", "task-succeeded"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    finally:
        process.kill()
        lines.close()
        process.wait()


def test_events_can_be_read_by_a_person(server: Server, watched: Worker) -> None:
    command = [RUNTIME, "-A", "tests.support.app", "events", "--workers"]
    with Terminal(command, env(server)) as terminal:
        assert f" {watched.node} worker-heartbeat  freq=2.0 active=0 " in terminal.line_with(watched.node)
