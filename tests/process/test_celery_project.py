"""An unmodified Celery app in our worker, driven by Celery's client. What is asked of it is asked of Celery's
own worker as well: states, results, errors and what its code sees are the same in both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery import Celery, chain, chord, group
from celery.exceptions import Reject, TaskRevokedError
from kombu import Exchange

from runtime import App
from tests.support.celery_calls import APP, Calls, connected
from tests.support.celery_worker import CeleryWorker
from tests.support.ear import Ear
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module", params=["ours", "celery"])
def worker(request: pytest.FixtureRequest, shared_server: Server, place: Path) -> Iterator[Any]:
    shared_server.client.flushall()
    (place / "effects").write_text("")
    url = shared_server.url()
    if request.param == "celery":
        with CeleryWorker(url, place, "-E", app=APP, name="w1") as celery:
            yield celery
    else:
        with Worker(url, place, "-E", app=APP, env={"CELERY_URL": url}) as ours:
            yield ours


@pytest.fixture(scope="module")
def client(shared_server: Server) -> Iterator[Celery]:
    with connected(shared_server.url()) as client:
        yield client


@pytest.fixture
def call(worker: Any, client: Celery, place: Path) -> Calls:
    return Calls(client, place / "effects")


def test_what_a_task_sees_of_its_request(call: Calls) -> None:
    sent = call.about(1, a=2).apply_async(headers={"own": "header"}, priority=3)
    seen = sent.get(timeout=10)
    assert seen == {
        "id": sent.id, "root_id": sent.id, "parent_id": None, "group": None, "retries": 0,
        "args": [1], "kwargs": {"a": 2}, "headers": {"own": "header"}, "priority": 3, "routing_key": "celery",
        "hostname": "w1@test", "current": f"{APP}.about", "is_eager": False, "called_directly": False,
    }  # fmt: skip


def test_chains_groups_and_chords(call: Calls) -> None:
    client = call.client
    assert chain(call.add(1, 2), call.add(10), call.add(100), app=client).delay().get(timeout=10) == 113
    parts = group([call.add(index, index) for index in range(5)], app=client)
    assert parts.delay().get(timeout=10) == [0, 2, 4, 6, 8]
    assert chord(parts, call.tsum(), app=client).delay().get(timeout=10) == 20
    nested = chain(call.add(1, 1), parts.clone(), call.tsum(), call.add(1000), app=client)
    with pytest.raises(TypeError):  # add(2, n, n): three arguments
        nested.delay().get(timeout=10, propagate=True)


def test_errors_in_canvas(call: Calls) -> None:
    header = group([call.add(1, 1), call.fail("in header")], app=call.client)
    with pytest.raises(ValueError, match="in header"):
        chord(header, call.tsum(), app=call.client).delay().get(timeout=10)
    call.fail("linked").apply_async(link_error=call.errback())
    wait_until(lambda: "errback ('linked', 7)" in call.effects())
    steps = chain(call.fail("first"), call.add(1), app=call.client).delay()
    with pytest.raises(ValueError, match="first"):
        steps.get(timeout=10)
    call.add(2, 3).apply_async(link=call.silent())
    wait_until(lambda: "silent 5" in call.effects())


def test_replacing_and_sending_from_inside(call: Calls) -> None:
    assert call.replacing(5).delay().get(timeout=10) == 105
    sent = call.sending().delay()
    child, own = sent.get(timeout=10)
    assert own == sent.id
    assert [each.id for each in sent.children] == [child]


def test_retries_and_the_hooks_of_a_base_class(call: Calls) -> None:
    assert call.hooked("h", failing=1).delay().get(timeout=10) == "h"
    # The second run may be over before the first one's process has done all that follows.
    wait_until(lambda: len([line for line in call.effects() if line.split()[1:2] == ["h"]]) == 5)
    assert sorted(line for line in call.effects() if line.split()[1:2] == ["h"]) == [
        "after_return h SUCCESS", "before_start h", "before_start h", "on_retry h", "on_success h",
    ]  # fmt: skip
    failed = call.hooked("f", failing=-1).delay()
    with pytest.raises(KeyError, match="as told"):
        failed.get(timeout=10)
    wait_until(lambda: "after_return f FAILURE" in call.effects())
    assert "on_failure f 'as told'" in call.effects()
    with pytest.raises(Exception, match="Can't retry"):
        call.hooked("m", failing=9).delay().get(timeout=10)
    assert call.doubled(4).delay().get(timeout=10) == 8
    with pytest.raises(OSError, match="again and again"):
        call.automatic().delay().get(timeout=10)
    assert call.effects().count("automatic") == 2


def test_results_that_are_ignored_and_states_of_its_own(call: Calls) -> None:
    ignored = call.silent("s").delay()
    own = call.ignoring().delay()
    wait_until(lambda: own.state == "OWN")
    wait_until(lambda: "silent s" in call.effects())
    assert own.info == {"a": 1}
    assert ignored.state == "PENDING"
    wanted = call.silent("wanted").apply_async(ignore_result=False)
    assert wanted.get(timeout=10) == "wanted"


def test_rejecting(call: Calls) -> None:
    assert call.rejecting("again", True).delay().get(timeout=10) == "delivered again"
    assert call.effects().count("rejecting again") == 2
    rejected = call.rejecting("once", False).delay()
    with pytest.raises(Reject):
        rejected.get(timeout=10)
    assert rejected.state == "FAILURE"


def test_limits_and_lost_processes(call: Calls) -> None:
    with pytest.raises(SoftTimeLimitExceeded):
        call.softly(5).delay().get(timeout=10)
    with pytest.raises(TimeLimitExceeded):
        call.bounded(5).delay().get(timeout=10)
    header = group([call.add(1, 1), call.bounded(5)], app=call.client)
    with pytest.raises(TimeLimitExceeded):
        chord(header, call.tsum(), app=call.client).delay().get(timeout=10)
    with pytest.raises(WorkerLostError):
        call.leave().delay().get(timeout=10)
    with pytest.raises(SoftTimeLimitExceeded):  # the message's limit
        call.slow("limited", 5).apply_async(soft_time_limit=1).get(timeout=10)


def test_revoked_and_expired(call: Calls) -> None:
    expired = call.add(1, 1).apply_async(expires=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(TaskRevokedError):
        expired.get(timeout=10)
    running = call.slow("terminated", 30).delay()
    wait_until(lambda: running.state == "STARTED")
    running.revoke(terminate=True)
    with pytest.raises(TaskRevokedError):
        running.get(timeout=10)


def test_due_later(call: Calls) -> None:
    due = time.time() + 1
    assert call.add(1, 1).apply_async(countdown=1).get(timeout=10) == 2
    assert time.time() >= due


def test_a_topic_exchange(call: Calls) -> None:
    sent = call.about().apply_async(
        exchange="zoo", routing_key="animal.cat", declare=[Exchange("zoo", type="topic")]
    )
    assert sent.get(timeout=10)["routing_key"] == "animal.cat"


def test_signals(call: Calls, worker: Any) -> None:
    call.hooked("sig", failing=1).delay().get(timeout=10)
    runs = [f"signal task_{what} hooked" for what in ("prerun", "postrun", "success", "retry")]
    wait_until(lambda: set(runs) <= set(call.effects()))
    signals = {tuple(line.split()[1:3]) for line in call.effects() if line.startswith("signal ")}
    for name in ("celeryd_init", "worker_init", "worker_ready", "worker_process_init"):
        assert (name, worker.node) in signals or name == "worker_ready", name
    assert "worker_before_create_process" in {name for name, _ in signals}


def test_the_log_is_celerys(call: Calls, worker: Any) -> None:
    sent = call.add(20, 3).delay()
    sent.get(timeout=10)
    wait_until(lambda: f"Task {APP}.add[{sent.id}] succeeded in" in worker.log())
    assert worker.log().count(f"{sent.id}] succeeded in") == 1


COMMON = {"type", "uuid", "hostname", "pid", "clock", "timestamp", "utcoffset"}
RECEIVED = {
    "name": str, "args": str, "kwargs": str, "root_id": str, "parent_id": (str, type(None)), "retries": int,
    "eta": (str, type(None)), "expires": (str, type(None)),
}  # fmt: skip
FAILED = {"exception": str, "traceback": str}
MEMBERS: dict[str, dict[str, Any]] = {
    "task-received": RECEIVED,
    "task-started": {},
    "task-succeeded": {"result": str, "runtime": float},
    "task-failed": FAILED,
    "task-retried": FAILED,
    "task-rejected": {"requeue": bool},
    "task-revoked": {"terminated": bool, "signum": (int, str, type(None)), "expired": bool},
}
BEGUN = ["task-received", "task-started"]


def test_events(call: Calls, worker: Any, shared_server: Server) -> None:
    """The same streams, with the same members and kinds of values."""
    listening = App("listening", broker=shared_server.url(), set_as_current=False)
    with closing(Ear(listening)) as ear:
        running = call.slow("told of", 30).delay()
        ear.until(lambda: ear.types(running.id) == BEGUN)
        call.client.control.revoke(running.id, terminate=True)
        past = datetime.now(UTC) - timedelta(seconds=1)
        streams = {
            running.id: [*BEGUN, "task-revoked"],
            call.add(1, 2).delay().id: [*BEGUN, "task-succeeded"],
            call.fail("why").delay().id: [*BEGUN, "task-failed"],
            call.hooked("e", failing=1).delay().id: [*BEGUN, "task-retried", *BEGUN, "task-succeeded"],
            call.rejecting("e", True).delay().id: [*BEGUN, "task-rejected", *BEGUN, "task-succeeded"],
            call.rejecting("f", False).delay().id: [*BEGUN, "task-failed", "task-rejected"],
            call.add(1, 1).apply_async(expires=past).id: ["task-revoked"],
            call.no_such_task().delay().id: ["task-failed"],
        }
        ear.until(lambda: all(len(ear.of(each)) >= len(streams[each]) for each in streams))
        heard = {each: ear.of(each) for each in streams}
    listening.close()
    # Celery's main process tells of a retry after its child has sent it: sometimes when it has come again.
    assert {each: sorted(event["type"] for event in told) for each, told in heard.items()} == {
        each: sorted(types) for each, types in streams.items()
    }
    for told in heard.values():
        for event in told:
            members = MEMBERS[event["type"]]
            if len(told) == 1 and event["type"] == "task-failed":  # of an unknown task
                members = {"exception": str}
            assert event.keys() == COMMON | members.keys()
            assert all(isinstance(event[name], kind) for name, kind in members.items()), event
            assert event["hostname"] == worker.node


def test_commands_of_the_app(worker: Any, client: Celery) -> None:
    """Of its own decorators, and in our worker also of ours; by stock `celery` and by `runtime`."""

    def asked(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name(program), "-A", APP, *arguments, "-t", "10", "-d", worker.node],
            cwd=ROOT,
            env={**os.environ, "CELERY_URL": client.conf.broker_url},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    expected = {"greeting": "hello worldhello world", "app": "project", "node": worker.node}
    for program in ("celery", "runtime"):
        told = asked(program, "inspect", "greet", "world", "2", "--json")
        assert json.loads(told.splitlines()[-1]) == {worker.node: expected}
        assert "ValueError('not', 'that')" in asked(program, "control", "refuse", "not", "that")
    ask = client.control.broadcast
    assert ask("hail", reply=True, timeout=10, limit=1) == [
        {worker.node: {**expected, "greeting": "hello you"}}
    ]
    if isinstance(worker, Worker):
        assert ask("count", {"to": 3}, reply=True, timeout=10, limit=1) == [{worker.node: [0, 1, 2]}]


def test_migrate_check_says_what_changes_and_whether_something_blocks() -> None:
    command = [str(Path(sys.executable).with_name("runtime")), "migrate-check", "-A", APP, "-c", "3", "-B"]

    def told(url: str, command: list[str] = command) -> tuple[int, str]:
        env = {**os.environ, "CELERY_URL": url}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, changes = told("redis://nowhere")
    assert code == 0
    assert f"runtime -A {APP} start --concurrency 3 --beat\n" in changes
    assert "changes   setting worker_timer_precision" in changes
    code, blocked = told("amqp://nowhere")
    assert code == 1
    assert "blocks    broker 'amqp://nowhere'" in blocked
    code, refused = told("amqp://nowhere", [command[0], "-A", APP, "start"])
    assert code == 2
    assert refused.startswith("runtime: error: broker 'amqp://nowhere' of the Celery app")
    assert refused.count("\n") == 1
