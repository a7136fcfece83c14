"""Hooks of a real worker: which are called, with what, and in which process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from runtime import App, hooks
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

TASKS = "tests.support.app."
CHILD = (
    "task_prerun",
    "task_postrun",
    "task_success",
    "task_retry",
    "task_internal_error",
    "worker_process_init",
)
SUPERVISOR = (
    "celeryd_init",
    "celeryd_after_setup",
    "worker_init",
    "worker_ready",
    "task_received",
    "task_revoked",
    "task_rejected",
    "task_unknown",
    "worker_shutting_down",
    "worker_shutdown",
    "heartbeat_sent",
)


def told(worker: Worker, name: str) -> list[dict[str, Any]]:
    """What this hook was called with, and by which process."""
    found = [line.split(maxsplit=3) for line in worker.effects() if line.startswith(f"hook {name} ")]
    return [{**json.loads(shown), "pid": int(pid)} for _, _, pid, shown in found]


@contextmanager
def beat_alone(server: Server, app: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Its effects go to the same file as those of a worker of this directory."""
    command = [
        sys.executable,
        "-m",
        "runtime",
        "-A",
        app,
        "beat",
        "--schedule",
        str(directory / "schedule"),
    ]
    env = {**os.environ, "RUNTIME_BROKER_URL": server.url(), "EFFECTS": str(directory / "effects")}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as beat:
        yield beat
        beat.terminate()


def test_hooks_are_called_where_it_happens_and_harm_nothing(server: Server, app: App, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, app="tests.support.hooks_app") as worker:

        def one(name: str, task_id: str) -> dict[str, Any]:
            def found() -> list[dict[str, Any]]:
                return [
                    each for each in told(worker, name) if task_id in (each.get("task_id"), each.get("id"))
                ]

            return wait_until(found)[0]

        done = app.send_task(TASKS + "add", [1, 2])
        assert done.get(timeout=10) == 3
        assert wait_until(lambda: told(worker, "task_success"))[0]["result"] == 3
        assert one("task_prerun", done.id)["sender"] == TASKS + "add"
        assert one("task_postrun", done.id)["state"] == "SUCCESS"
        assert one("task_received", done.id)["sender"] == worker.node
        failed = app.send_task(TASKS + "fail", ["x"])
        assert one("task_failure", failed.id)["exception"] == "('x', 7)"
        odd = app.send_task(TASKS + "odd_failure", ["x", "repr leaves"])
        assert one("task_internal_error", odd.id)["sender"] == TASKS + "odd_failure"
        retried = app.send_task(TASKS + "flaky", ["x", 1])
        assert one("task_retry", retried.id)["sender"] == TASKS + "flaky"
        expired = app.send_task(TASKS + "add", [1, 1], expires=-1)
        assert one("task_revoked", expired.id)["expired"] is True
        ended = app.send_task(TASKS + "mark", ["long", 60])
        wait_until(lambda: worker.started("long"))
        ended.revoke(terminate=True)
        assert one("task_revoked", ended.id)["terminated"] is True
        killed = app.send_task(TASKS + "mark", ["limited", 60], time_limit=0.3)
        assert one("task_failure", killed.id)["pid"] == worker.process.pid
        unknown = str(uuid4())
        app.send_task("no.such.task", task_id=unknown)
        wait_until(lambda: [each for each in told(worker, "task_unknown") if each["name"] == "no.such.task"])
        server.client.lpush("celery", b"no message")
        assert "malformed" in wait_until(lambda: told(worker, "task_rejected"))[0]["exc"]
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        (shutting_down,) = told(worker, "worker_shutting_down")
        assert (shutting_down["sig"], shutting_down["how"]) == ("SIGTERM", "Warm")
        for name in SUPERVISOR:
            assert {each["pid"] for each in told(worker, name)} == {worker.process.pid}, name
        for name in CHILD:
            pids = {each["pid"] for each in told(worker, name)}
            assert pids, name
            assert worker.process.pid not in pids
        begun = {each["pid"] for each in told(worker, "worker_process_init")}
        assert {each["pid"] for each in told(worker, "worker_process_shutdown")} <= begun
        assert told(worker, "worker_process_shutdown")
        assert len(told(worker, "worker_ready")) == 1
        assert worker.log().count("Hook worker_ready: <function harm") == 1
        assert "Hook task_success: <function harm" in worker.log()


def test_a_client_is_told_when_the_broker_has_its_messages(server: Server, app: App) -> None:
    told: list[tuple[Any, ...]] = []

    def tell(sender: str, headers: dict[str, Any], routing_key: str, **more: Any) -> None:
        told.append((sender, headers["id"], routing_key, more.keys(), server.client.llen("q")))

    hooks.after_task_publish.connect(tell)
    try:
        sent = [app.send_task("one", queue="q"), *app.send_many([app.signature("two", queue="q")] * 2)]
    finally:
        hooks.after_task_publish.disconnect(tell)
    more = {"signal", "body", "exchange"}
    names = [("one", 1), ("two", 3), ("two", 3)]
    assert told == [(name, at.id, "q", more, n) for at, (name, n) in zip(sent, names, strict=True)]


def test_hooks_of_processes_are_called_before_they_are_there_and_in_beat(
    server: Server, app: App, tmp_path: Path
) -> None:
    beat = ("-B", "-s", str(tmp_path / "schedule"))
    with Worker(server.url(), tmp_path, *beat, app="tests.support.hooks_app") as worker:
        (init,) = wait_until(lambda: told(worker, "beat_init"))
        (embedded,) = wait_until(lambda: told(worker, "beat_embedded_init"))
        assert init["pid"] == embedded["pid"] in worker.children()
        wait_until(lambda: len(told(worker, "worker_process_init")) == 2)
        children = {each["pid"] for each in told(worker, "worker_process_init")}
        (forker,) = {each["pid"] for each in told(worker, "worker_before_create_process")}
        assert forker in worker.children()
        assert forker not in {worker.process.pid, init["pid"], *children}
        for name in ("after_setup_logger", "after_setup_task_logger"):
            pids = {each["pid"] for each in told(worker, name)}
            assert pids == {worker.process.pid, forker, init["pid"]}, name
        assert {each["pid"] for each in told(worker, "import_modules")} == {forker, init["pid"]}
        assert {each["logger"] for each in told(worker, "after_setup_task_logger")} == {"celery.task"}
    with beat_alone(server, "tests.support.hooks_app", tmp_path) as alone:
        wait_until(lambda: told(worker, "beat_init")[-1]["pid"] == alone.pid)
    assert len(told(worker, "beat_embedded_init")) == 1


def test_logging_can_be_left_to_a_hook(server: Server, app: App, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, app="tests.support.logging_app") as worker:
        assert app.send_task(TASKS + "fail", ["seen"]).get(timeout=10, propagate=False)
        wait_until(lambda: "MINE ERROR" in worker.log())
        assert "INFO/" not in worker.log()
