"""Messages that kill: how often they run, where they end, and how an operator brings them back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError

from brokers.dead_letter import encode
from runtime import App, chord
from runtime.errors import ChordError
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

RUNTIME = str(Path(sys.executable).parent / "runtime")


class Dead:
    """Runs `runtime -A tests.support.app dead …` against one server."""

    def __init__(self, url: str) -> None:
        self.env = {**os.environ, "RUNTIME_BROKER_URL": url, "RUNTIME_RESULT_BACKEND": url}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [RUNTIME, "-A", "tests.support.app", "dead", *arguments]
        return subprocess.run(
            command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert (done.stderr, done.returncode) == ("", 0)
        return json.loads(done.stdout)


@pytest.fixture
def dead(server: Server) -> Dead:
    return Dead(server.url())


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"tests.support.app.{name}", args, **options)


def bury(server: Server, task: str, task_id: str | None, epoch: float, message: bytes = b"m") -> None:
    entry = encode(message, epoch, reason="why", node="w@test", task=task, task_id=task_id)
    server.client.lpush("runtime.dead.celery", entry)


def test_a_poison_task_runs_three_times_among_good_ones_and_again_when_retried(
    app: App, server: Server, worker: Worker, dead: Dead
) -> None:
    good = [send(app, "late_add", number, 1) for number in range(250)]
    poison = send(app, "poison", "p")
    good += [send(app, "late_add", number, 1) for number in range(250, 500)]
    assert [result.get(timeout=20) for result in good] == list(range(1, 501))
    with pytest.raises(WorkerLostError, match="signal 9, 3 times"):
        poison.get(timeout=20)
    assert worker.started("p") == 3
    assert worker.log().count(": failed, and kept as a dead letter\n") == 1

    [listed] = dead.json("list")
    assert (listed["id"], listed["task"]) == (poison.id, "tests.support.app.poison")
    assert (listed["deliveries"], listed["restores"], listed["node"]) == (3, 0, worker.node)
    assert listed["reason"] == "killed its child: signal 9"
    assert poison.id in dead("list").stdout
    shown = dead.json("show", poison.id)
    assert json.loads(shown["message"])["headers"]["id"] == poison.id
    assert "killed its child" in dead("show", poison.id).stdout

    assert dead("retry", poison.id).stdout == "celery: 1 message put back\n"
    wait_until(lambda: worker.started("p") == 6 and len(dead.json("list")) == 1, 15)
    assert dead("drop", poison.id).stdout == "celery: 1 message removed\n"
    assert dead.json("list") == []
    assert worker.started("p") == 6


def test_a_task_whose_cause_of_death_was_mended_succeeds_when_it_is_retried(
    app: App, server: Server, worker: Worker, dead: Dead
) -> None:
    mended = send(app, "poison_thrice", "m", priority=6)
    with pytest.raises(WorkerLostError):
        mended.get(timeout=10)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert dead("retry", mended.id).returncode == 0
    assert server.client.llen("celery\x06\x166") == 1
    worker.again()
    wait_until(lambda: app.AsyncResult(mended.id).state == "SUCCESS", 10)
    assert app.AsyncResult(mended.id).get() == "m"


def test_letters_are_chosen_by_task_and_age(server: Server, dead: Dead) -> None:
    for task, task_id, epoch in (("a.x", "1", 1e9), ("a.y", "2", 2e9), ("b.x", "3", 2e9)):
        bury(server, task, task_id, epoch)
    server.client.lpush("runtime.dead.other", *server.client.lrange("runtime.dead.celery", 0, 0))
    listed = dead.json("list", "-Q", "celery")
    assert [each["id"] for each in listed] == ["2", "3"]  # the first was older than 30 days
    assert [each["queue"] for each in dead.json("list")] == ["celery", "celery", "other"]
    assert [each["id"] for each in dead.json("list", "--task", "a.*")] == ["2"]
    assert dead.json("list", "--since", "2099-01-01") == []
    assert [each["queue"] for each in dead.json("list", "--queue", "other", "--since", "10m")] == ["other"]
    assert dead.json("retry", "--task", "a.y") == {"retried": ["2"]}
    assert dead.json("purge", "--since", "1h", "--queue", "celery") == {"dropped": ["3"]}
    assert [each["queue"] for each in dead.json("list")] == ["other"]
    assert dead("retry", "--all").stdout == "other: 1 message put back\n"
    assert dead("retry", "--all").stdout == "no message put back\n"
    assert (server.client.llen("celery"), server.client.llen("other")) == (1, 1)


def test_letters_of_other_apps_are_not_made_to_go(server: Server, dead: Dead) -> None:
    """Who looks at them does not know for how long others keep theirs."""
    bury(server, "t", "1", 1e9)
    server.client.rename("runtime.dead.celery", "runtime.dead.other")
    assert len(dead.json("list", "-Q", "other")) == 1
    assert len(dead.json("list")) == 1


def test_a_time_that_is_shown_can_be_given_back(server: Server, dead: Dead) -> None:
    """Wherever the operator is."""
    now = time.time()
    for age in (7200, 0):
        bury(server, "t", f"{age} s ago", now - age)
    dead.env["TZ"] = "America/New_York"
    shown = [line.split("  ")[1] for line in dead("list").stdout.splitlines()]
    assert [each["id"] for each in dead.json("list", "--since", shown[1])] == ["0 s ago"]
    assert len(dead.json("list", "--since", shown[0])) == 2


def test_what_is_no_message_can_be_shown_and_put_back(server: Server, dead: Dead) -> None:
    bury(server, "t", None, 2e9, b"\xff\x00")
    [listed] = dead.json("list")
    assert dead.json("show", listed["id"])["message_base64"] == "/wA="
    assert dead("retry", listed["id"]).returncode == 0
    assert server.client.lrange("celery", 0, -1) == [b"\xff\x00"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show", "nothing"], "no dead letter 'nothing' in celery"),
        (["drop", "nothing"], "no dead letter 'nothing' in celery"),
        (["retry", "nothing", "--queue", "other"], "no dead letter 'nothing' in other"),
        (["retry"], "retry what?"),
        (["show"], "Missing argument"),
        (["list", "--since", "lately"], "'lately' is neither like 10m"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    server: Server, dead: Dead, arguments: list[str], reason: str
) -> None:
    done = dead(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert reason in line


def test_a_body_that_no_child_can_read_is_kept_with_its_traceback(
    app: App, server: Server, worker: Worker, dead: Dead
) -> None:
    send(app, "add", 1, 1).get(timeout=10)
    app.send_task("tests.support.app.add", (1, 1), serializer="pickle", task_id="bad")
    wait_until(lambda: dead.json("list"), 10)
    assert dead.json("show", "bad")["traceback"].startswith("Traceback (most recent call last):")


def test_a_chord_fails_whose_results_kill_who_puts_them_together(server: Server, tmp_path: Path) -> None:
    """Its body, and what waits for that, or who waits for its result waits for ever."""
    pickles = {"result_serializer": "pickle", "accept_content": ["json", "pickle"]}
    app = App("client", broker=server.url(), backend=server.url(), set_as_current=False, **pickles)
    with Worker(server.url(), tmp_path, env={"SETTINGS": json.dumps(pickles)}) as worker:
        body = app.signature("canvas.total") | app.signature("canvas.add", (1,))
        body.link_error(app.signature("canvas.failed_id"))
        inner = chord([app.signature("tests.support.app.lethal")] * 2, body)
        result = chord([inner, app.signature("canvas.add", (1, 1))], app.signature("canvas.same")).delay()
        with pytest.raises(ChordError, match="WorkerLostError"):
            result.get(timeout=20)
        letters = list(map(json.loads, server.client.lrange("runtime.dead.celery", 0, -1)))
        assert [(each["task"], each["deliveries"]) for each in letters] == [("celery.accumulate", 3)]
        wait_until(lambda: sum(line.startswith("failed ") for line in worker.effects()) == 2, 5)
    app.close()


SUSPECT = """
import os, time
from runtime import App
app = App("suspect")
app.conf.update(task_acks_late=True, task_max_restores=1, worker_lease=1)

def note(line):
    with open(os.environ["EFFECTS"], "a") as file:
        file.write(line)

@app.task
def hang():
    note("start hang 0\\n")
    time.sleep(60)

@app.task
def failed(task_id):
    note(f"failed {task_id}\\n")
"""


def test_a_message_whose_workers_die_again_and_again_is_a_failure_and_kept(
    app: App, server: Server, tmp_path: Path, dead: Dead
) -> None:
    (tmp_path / "suspect.py").write_text(SUSPECT)

    @app.task(name="suspect.hang")
    def hang() -> None: ...

    @app.task(name="suspect.failed")
    def failed(task_id: str) -> None: ...

    result = hang.apply_async(link_error=failed.s())
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with Worker(server.url(), tmp_path, app="suspect", env={"PYTHONPATH": paths}) as worker:
        for deaths in (1, 2):
            wait_until(lambda: worker.started("hang") == deaths, 10)  # noqa: B023
            worker.process.kill()
            worker.process.wait()
            worker.again()
        with pytest.raises(WorkerLostError, match="its worker died 2 times"):
            result.get(timeout=10)
        wait_until(lambda: f"failed {result.id}" in worker.effects(), 10)
        [listed] = dead.json("list")
        assert (listed["id"], listed["restores"], listed["deliveries"]) == (result.id, 2, 0)
        assert dead("retry", result.id).returncode == 0
        wait_until(lambda: worker.started("hang") == 3, 10)
