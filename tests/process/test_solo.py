"""The solo pool in a real worker: what it is for, and what holds there too."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from runtime import App
from tests.process.test_outcomes import nothing_left, send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


@pytest.fixture
def worker(server: Server, tmp_path: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path, "--pool", "solo", slots=1) as worker:
        yield worker


def test_tasks_run_in_the_supervisor_and_it_says_what_that_means(app: App, worker: Worker) -> None:
    assert send(app, "whoami").get(timeout=10)["pid"] == worker.process.pid
    assert "no hard time limit" in worker.log()
    assert "solo, 1 slot\n" in worker.log()
    assert worker.children() == []


def test_a_debugger_has_the_terminal(app: App, server: Server, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with Worker(server.url(), tmp_path, "--pool", "solo", slots=1, stdin=theirs) as worker:
        result = send(app, "debugged", "d")
        wait_until(lambda: "(Pdb)" in worker.log(), 10)
        os.write(ours, b"p 'seen: ' + name\n")
        wait_until(lambda: "seen: d" in worker.log(), 10)
        os.write(ours, b"c\n")
        assert result.get(timeout=10) == "d"
        worker.signal(signal.SIGINT)
        assert worker.wait() == 0
    os.close(ours)
    os.close(theirs)


def test_signals_to_what_a_task_forks_are_none_to_the_worker(app: App, worker: Worker) -> None:
    for _ in range(5):
        assert send(app, "in_processes", -1, -2).get(timeout=10) == [1, 2]
    assert send(app, "add", 1, 1).get(timeout=10) == 2
    assert "draining" not in worker.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_is_finished_and_the_rest_given_back(
    app: App, server: Server, worker: Worker, number: int
) -> None:
    app.send_task("tests.support.app.mark", ("eta",), countdown=3600)
    wait_until(lambda: server.client.hlen("unacked"), 10)
    ends = [send(app, "mark", name, 1.0) for name in ("a", "b", "c")]
    wait_until(lambda: worker.started("a"), 10)
    worker.signal(number)
    assert worker.wait() == 0
    assert ends[0].get(timeout=1) == "a"
    assert (worker.started("b"), server.client.llen("celery")) == (0, 3)
    assert not server.client.hlen("unacked")


@pytest.mark.parametrize(
    ("task", "numbers", "state"),
    [
        ("mark", [signal.SIGQUIT], "PENDING"),
        ("early_mark", [signal.SIGQUIT], "RETRY"),
        ("mark", [signal.SIGTERM, signal.SIGINT], "PENDING"),  # two of a kind could become one
    ],
)
def test_what_runs_is_given_back_at_once(
    app: App, server: Server, worker: Worker, task: str, numbers: list[signal.Signals], state: str
) -> None:
    result, waiting = send(app, task, "a", 60), send(app, "mark", "b")
    wait_until(lambda: worker.started("a"), 10)
    for number in numbers:
        worker.signal(number)
    assert worker.wait(5) == 0
    assert (result.state, waiting.state) == (state, "PENDING")
    assert server.client.llen("celery") == (1 if task == "early_mark" else 2)
    assert not server.client.hlen("unacked")
    assert "Traceback" not in worker.log()


def test_what_does_not_end_is_killed(app: App, server: Server, worker: Worker) -> None:
    result = send(app, "deaf", "d")
    wait_until(lambda: worker.started("d"), 10)
    worker.signal(signal.SIGQUIT)
    assert worker.wait(10) == -signal.SIGKILL
    assert worker.effects().count("heard Killed") > 1
    worker.again()
    wait_until(lambda: worker.started("d") == 2, 10)
    result.revoke()
    worker.process.kill()


def test_an_early_task_is_acknowledged_before_it_runs(app: App, server: Server, worker: Worker) -> None:
    send(app, "early_mark", "e", 30)
    wait_until(lambda: worker.started("e"), 10)
    wait_until(lambda: nothing_left(server), 5)
    worker.process.kill()


def test_a_worker_that_is_killed_gets_its_late_task_back_at_once(
    app: App, server: Server, worker: Worker
) -> None:
    """Though its lease has an hour to run."""
    result = send(app, "mark", "m", 2.0)
    wait_until(lambda: worker.started("m"), 10)
    worker.process.kill()
    worker.wait()
    worker.again()
    assert result.get(timeout=10) == "m"
    assert worker.started("m") == 2


def test_the_soft_limit(app: App, worker: Worker) -> None:
    for how in ("sleep", "spin"):
        with pytest.raises(SoftTimeLimitExceeded):
            send(app, "soft_limited", how).get(timeout=10)
    assert send(app, "add", 1, 1).get(timeout=10) == 2
