"""Periodic tasks, sent by a real worker's beat."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from tests.process.test_cli_refusals import runtime
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

APP = "tests.support.beat_app"


def beats(worker: Worker) -> list[int]:
    found = []
    for child in psutil.Process(worker.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it is dead, and perhaps not reaped yet
            if "beat" in child.cmdline():
                found.append(child.pid)
    return found


def rewind(schedule: Path, name: str, seconds: float) -> None:
    with closing(sqlite3.connect(schedule)) as database, database:
        database.execute("UPDATE periodic SET last = last - ? WHERE name = ?", [seconds, name])


def test_a_worker_with_beat(server: Server, tmp_path: Path) -> None:
    schedule = tmp_path / "schedule"
    with Worker(server.url(), tmp_path, "-B", "-s", str(schedule), app=APP) as worker:
        wait_until(lambda: worker.started("often") > 2, 10)
        assert "Periodic task broken could not be sent" in worker.log()
        [beat] = beats(worker)
        os.kill(beat, signal.SIGKILL)
        wait_until(lambda: beats(worker) not in ([beat], []), 10)
        assert "Beat died (exit code -9)" in worker.log()
        before = worker.started("often")
        wait_until(lambda: worker.started("often") > before + 2, 10)
        [beat] = beats(worker)
        worker.process.kill()
        worker.wait()
        wait_until(lambda: not psutil.pid_exists(beat), 5)
        rewind(schedule, "hourly", 3 * 3600)
        worker.again()
        wait_until(lambda: worker.started("hourly") == 1, 10)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert "Beat has ended" in worker.log()
        assert "beat is told twice to leave" not in worker.effects()
        before = worker.started("often")
        worker.again()
        wait_until(lambda: worker.started("often") > before + 2, 10)
        assert worker.started("hourly") == 1, "three were missed, and no restart doubles it"
        assert not worker.started("added")


def test_a_celery_app_has_celerys_own_beat(server: Server, tmp_path: Path) -> None:
    entry = {"task": "tests.support.celery_project.hooked", "schedule": 0.2, "args": ["often"]}
    env = {"CELERY_URL": server.url(), "CELERY_SETTINGS": json.dumps({"beat_schedule": {"often": entry}})}
    schedule = ("-B", "-s", str(tmp_path / "schedule"))
    with Worker(server.url(), tmp_path, *schedule, app="tests.support.celery_project", env=env) as worker:
        wait_until(lambda: worker.effects().count("on_success often") > 1, 20)
        [beat] = beats(worker)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert not psutil.pid_exists(beat)
        assert "Beat died" not in worker.log()


def test_a_wrong_schedule_ends_the_start(server: Server, tmp_path: Path) -> None:
    settings = json.dumps({"beat_schedule": {"soon": {"task": "t", "schedule": "soon"}}})
    refused = runtime(
        "-A", "tests.support.app", "start", "-B", RUNTIME_BROKER_URL=server.url(), SETTINGS=settings
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "periodic task 'soon': the schedule must be" in refused.stderr


def test_a_schedule_file_that_is_none_ends_the_start(server: Server, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no database, but long enough to be taken for one" * 30)
    with closing(sqlite3.connect(tmp_path / "other")) as database, database:
        database.execute("CREATE TABLE periodic (what TEXT)")
    for schedule in (tmp_path, tmp_path / "broken", tmp_path / "other", tmp_path / "missing" / "file"):
        for verb in (("start", "-B", "--schedule-filename"), ("beat", "--schedule")):
            refused = runtime("-A", APP, *verb, str(schedule), RUNTIME_BROKER_URL=server.url())
            assert refused.returncode == 2
            assert refused.stderr.startswith(f"runtime: error: schedule file '{schedule}' cannot be used: ")
            assert refused.stderr.count("\n") == 1


@contextmanager
def beat_alone(server: Server, schedule: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "runtime", "-A", APP, "beat", "--schedule", str(schedule)]
    with log.open("wb") as file:
        beat = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "RUNTIME_BROKER_URL": server.url()}, stderr=file
        )
    try:
        yield beat
    finally:
        beat.kill()
        beat.wait()


def test_a_second_beat_on_a_file_waits_and_takes_over(server: Server, tmp_path: Path) -> None:
    schedule, log, other = tmp_path / "schedule", tmp_path / "log", tmp_path / "other"
    with beat_alone(server, schedule, log) as beat:
        wait_until(lambda: "often is sent" in log.read_text(), 10)
        with beat_alone(server, schedule, other) as second:
            wait_until(lambda: f"is used by process {beat.pid}; it waits" in other.read_text(), 10)
            told = time.monotonic()
            second.terminate()
            assert second.wait(10) == 0
            assert time.monotonic() - told < 5
        with beat_alone(server, schedule, other):
            wait_until(lambda: "it waits" in other.read_text(), 10)
            beat.terminate()
            assert beat.wait(10) == 0
            wait_until(lambda: "often is sent" in other.read_text(), 10)
    assert server.client.llen("celery")
