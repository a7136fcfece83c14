"""The verbs that ask once, against a real worker: `call`, `result`, `purge`, `report`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

RUNTIME = str(Path(sys.executable).parent / "runtime")


class Shell:
    """Runs `runtime -A tests.support.app …` against one server."""

    def __init__(self, url: str, **settings: object) -> None:
        urls = {"RUNTIME_BROKER_URL": url, "RUNTIME_RESULT_BACKEND": url}
        self._env = {**os.environ, **urls, "SETTINGS": json.dumps(settings)}

    def __call__(
        self, *arguments: str, answer: str = "", timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        waiting = self.begin(*arguments)
        try:
            output, errors = waiting.communicate(answer, timeout)
        except subprocess.TimeoutExpired:
            waiting.kill()
            raise
        return subprocess.CompletedProcess(waiting.args, waiting.returncode, output, errors)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Without waiting for its end."""
        command = [RUNTIME, "-A", "tests.support.app", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self._env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def shell(server: Server) -> Shell:
    return Shell(server.url())


def test_call_prints_the_result_as_json(shell: Shell, worker: Worker) -> None:
    done = shell("call", "tests.support.app.add", "2", "8")
    assert (done.stdout, done.stderr, done.returncode) == ("10\n", "", 0)
    assert shell("call", "tests.support.app.add", "--kwargs", '{"x": "a", "y": "b"}').stdout == '"ab"\n'
    assert shell("call", "tests.support.app.echo", '{"a": [null, 1.5]}').stdout == '{"a": [null, 1.5]}\n'
    assert shell("call", "tests.support.app.echo", "plain text").stdout == '"plain text"\n'
    assert shell("call", "tests.support.app.echo", "--", "-3").stdout == "-3\n"


def test_a_failed_task_prints_its_exception_and_exits_with_1(shell: Shell, worker: Worker) -> None:
    done = shell("call", "tests.support.app.fail", "broken")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "ValueError: ('broken', 7)\n"


def test_no_wait_prints_the_id_whose_result_can_be_asked_for(shell: Shell, worker: Worker) -> None:
    task_id = shell("call", "--no-wait", "tests.support.app.mark", "m").stdout.strip()
    done = shell("result", task_id, "--timeout", "10")
    assert (done.stdout, done.returncode) == ('"m"\n', 0)
    assert shell("result", task_id).stdout == '"m"\n'


def test_without_a_result_the_exit_code_is_6(shell: Shell, server: Server) -> None:
    done = shell("call", "--timeout", "0.1", "tests.support.app.add", "1", "2")
    assert done.returncode == 6
    assert done.stderr.endswith(": PENDING, no result within 0.1 s\n")
    done = shell("result", "unknown-id")
    assert (done.returncode, done.stderr) == (6, "unknown-id: PENDING\n")


def test_nothing_is_sent_whose_result_could_not_be_told(server: Server) -> None:
    shell = Shell(server.url(), result_backend=None)
    refused = shell("call", "tests.support.app.add", "1", "2")
    assert refused.returncode == 2
    assert (
        refused.stderr
        == "runtime: error: results are disabled, or not in Redis: set result_backend, or give --no-wait\n"
    )
    assert server.client.llen("celery") == 0
    assert shell("call", "--no-wait", "tests.support.app.add", "1", "2").returncode == 0
    assert server.client.llen("celery") == 1


def test_waiting_without_a_worker_is_told_and_can_be_ended(shell: Shell, server: Server) -> None:
    waiting = shell.begin("call", "tests.support.app.add", "1", "2")
    assert waiting.stderr is not None
    line = waiting.stderr.readline()
    assert "no result yet; no worker says that it has it (is there one for its queue?); Ctrl-C" in line
    task_id = line.partition(":")[0]
    assert f"`runtime result {task_id}` asks again" in line
    waiting.send_signal(signal.SIGINT)
    assert waiting.communicate(timeout=10)[0] == ""
    assert waiting.returncode == 130
    assert server.client.llen("celery") == 1


def test_a_result_that_comes_while_workers_are_asked_is_all_that_is_told(
    shell: Shell, server: Server
) -> None:
    with server.client.pubsub() as questions:
        questions.psubscribe("*pidbox*")
        waiting = shell.begin("call", "tests.support.app.add", "1", "2")
        wait_until(lambda: (questions.get_message() or {}).get("type") == "pmessage", 10)
        (message,) = server.client.lrange("celery", 0, -1)
        task_id = json.loads(message)["headers"]["id"]
        done = {"status": "SUCCESS", "result": 3, "traceback": None, "children": [], "task_id": task_id}
        server.client.set(f"celery-task-meta-{task_id}", json.dumps(done))
        server.client.publish(f"celery-task-meta-{task_id}", json.dumps(done))
        assert waiting.communicate(timeout=10) == ("3\n", "")


def test_waiting_for_a_task_that_a_worker_has_tells_which(shell: Shell, worker: Worker) -> None:
    waiting = shell.begin("call", "tests.support.app.mark", "slow", "3")
    assert waiting.stderr is not None
    assert f"no result yet; {worker.node} has it: active; Ctrl-C" in waiting.stderr.readline()
    assert waiting.communicate(timeout=10)[0] == '"slow"\n'


def test_a_result_store_that_is_away_is_one_line_and_exit_code_5(tmp_path: Path) -> None:
    away = Shell(f"redis+socket://{tmp_path}/none")
    for arguments in (("some-id",), ("some-id", "--timeout", "0.5")):
        done = away("result", *arguments, timeout=10)
        assert done.returncode == 5
        (line,) = done.stderr.splitlines()
        assert f"{tmp_path}/none" in line


def test_call_options_reach_the_message(shell: Shell, server: Server) -> None:
    shell("call", "--no-wait", "--queue", "other", "--priority", "9", "tests.support.app.add", "1", "2")
    shell("call", "--no-wait", "--queue", "other", "--countdown", "60", "tests.support.app.add", "1", "2")
    assert server.client.llen("other\x06\x169") == 1
    (message,) = server.client.lrange("other", 0, -1)
    assert b'"eta":null' not in message.replace(b" ", b"")


def test_purge_asks_and_tells_how_many(shell: Shell, server: Server) -> None:
    for _ in range(3):
        shell("call", "--no-wait", "tests.support.app.add", "1", "2")
    refused = shell("purge", answer="n\n")
    assert refused.returncode == 130
    assert "Remove 3 messages from celery?" in refused.stdout
    assert server.client.llen("celery") == 3
    assert shell("purge", "-f", "-Q", "celery,none").stdout == (
        "celery: 3 messages removed\nnone: 0 messages removed\n"
    )
    assert server.client.llen("celery") == 0
    asked_nothing = shell("purge")
    assert (asked_nothing.stdout, asked_nothing.returncode) == ("celery: 0 messages removed\n", 0)


def test_a_broker_that_cannot_be_reached_is_one_line_and_exit_code_5(tmp_path: Path) -> None:
    done = Shell(f"redis+socket://{tmp_path}/none")("call", "--no-wait", "tests.support.app.add", "1", "2")
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith("runtime: error: ")
    assert f"{tmp_path}/none" in line


def test_report_masks_passwords() -> None:
    done = Shell("redis://:secret@localhost/0")("report")
    assert done.returncode == 0
    assert "worker-runtime" in done.stdout
    assert "secret" not in done.stdout


def test_the_worker_can_log_json_into_a_file_named_after_its_node(server: Server, tmp_path: Path) -> None:
    options = ("--logfile", str(tmp_path / "%n.json"), "--log-format", "json", "--quiet")
    written = tmp_path / "w1.json"
    worker = Worker(server.url(), tmp_path, *options)
    try:
        wait_until(lambda: written.exists() and "ready" in written.read_text())
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    finally:
        worker.process.kill()
        worker.process.wait()
    assert {json.loads(line)["level"] for line in written.read_text().splitlines()} == {"info"}
    assert worker.log() == ""
