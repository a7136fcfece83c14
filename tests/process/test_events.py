"""What a worker tells of itself and of its tasks, beside what a Celery worker tells of the same."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from brokers.redis.address import parse
from brokers.redis.mailbox import KEPT, RedisMailbox
from runtime import App
from runtime.events import message
from runtime.events.event import Origin
from runtime.remote.clock import Clock
from runtime.worker.events.outbox import FOR_REPLIES, Outbox
from tests.support.celery_worker import CeleryWorker
from tests.support.ear import Ear
from tests.support.mailboxes import DrivenMailbox
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = "tests.support.app."


@pytest.fixture(scope="module")
def shared_app(shared_server: Server) -> Iterator[App]:
    app = App("client", broker=shared_server.url(), backend=shared_server.url(), set_as_current=False)
    app.conf.task_send_sent_event = True
    yield app
    app.close()


@pytest.fixture(scope="module")
def ear(shared_app: App) -> Iterator[Ear]:
    with closing(Ear(shared_app)) as ear:
        yield ear


@pytest.fixture(scope="module")
def both(
    shared_server: Server, ear: Ear, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Worker, CeleryWorker]]:
    directory: Path = tmp_path_factory.mktemp("both")
    url = shared_server.url()
    # Its log tells nothing of tasks: what its events tell of results, it asks for itself.
    ours = Worker(url, directory, "-Q", "ours", "-E", loglevel="warning")
    with CeleryWorker(url, directory, "-Q", "theirs", "-E") as theirs:
        ear.until(lambda: ear.workers(ours.node, "worker-online"))
        yield ours, theirs
    ours.signal(signal.SIGTERM)
    ear.until(lambda: ear.workers(ours.node, "worker-offline"))
    assert ours.wait() == 0


ENDS: dict[str, tuple[tuple[Any, ...], dict[str, Any], list[str]]] = {
    "add": ((1, 2), {}, ["task-received", "task-started", "task-succeeded"]),
    "fail": (("why",), {}, ["task-received", "task-started", "task-failed"]),
    "rejected": ((), {}, ["task-received", "task-started", "task-failed", "task-rejected"]),
    "expired": ((1, 2), {"expires": -1}, ["task-revoked"]),
    "later": ((1, 2), {"countdown": 0.5, "expires": 60}, ["task-received", "task-started", "task-succeeded"]),
}
NAMES = {"expired": "add", "later": "add"}
PRINTED_APART = ("rejected", "exception")
"""An exception of each one's own."""


@pytest.mark.parametrize("case", ENDS)
def test_a_tasks_events_have_celerys_members(
    shared_app: App, ear: Ear, both: tuple[Worker, CeleryWorker], case: str
) -> None:
    args, options, expected = ENDS[case]
    ids = {queue: str(uuid4()) for queue in ("ours", "theirs")}
    for queue, task_id in ids.items():
        shared_app.send_task(
            TASKS + NAMES.get(case, case), args, queue=queue, task_id=task_id, ignore_result=True, **options
        )
    ear.until(lambda: all(len(ear.of(task_id)) >= len(expected) for task_id in ids.values()))
    ours, theirs = ear.of(ids["ours"]), ear.of(ids["theirs"])
    assert [each["type"] for each in ours] == [each["type"] for each in theirs] == expected
    for our, their in zip(ours, theirs, strict=True):
        assert our.keys() == their.keys()
        for name in our.keys() - {"uuid", "hostname", "pid", "clock", "timestamp", "runtime", "traceback"}:
            if name not in ("root_id", "eta", "expires") and (case, name) != PRINTED_APART:
                assert our[name] == their[name], name
            assert type(our[name]) is type(their[name]), name
        assert abs(our["timestamp"] - time.time()) < 30
    assert {each["hostname"] for each in ours} == {both[0].node}
    sent = [each for each in ear.events if each["type"] == "task-sent" and each["uuid"] == ids["ours"]]
    assert [each["queue"] for each in sent] == ["ours"]


def test_a_retry_has_celerys_members(shared_app: App, ear: Ear, both: tuple[Worker, CeleryWorker]) -> None:
    """When exactly the next try is received is another matter."""
    sent = [shared_app.send_task(TASKS + "always_retry", queue=queue).id for queue in ("ours", "theirs")]
    ear.until(lambda: all("task-failed" in ear.types(task_id) for task_id in sent))
    for type in ("task-retried", "task-failed"):
        our, their = ([each for each in ear.of(id) if each["type"] == type] for id in sent)
        assert [each.keys() for each in our] == [each.keys() for each in their]
        assert len(our) == 1


def test_both_tell_that_they_live(shared_app: App, ear: Ear, both: tuple[Worker, CeleryWorker]) -> None:
    ours, theirs = both
    ear.until(lambda: all(ear.workers(worker.node) for worker in both))
    our, their = (ear.workers(worker.node)[-1] for worker in (ours, theirs))
    assert our.keys() == their.keys()
    assert (our["freq"], our["pid"], len(our["loadavg"])) == (2.0, ours.process.pid, 3)
    assert ear.workers(ours.node, "worker-online")
    before = len(ear.workers(ours.node))
    shared_app.control.heartbeat()
    ear.until(lambda: len(ear.workers(ours.node)) > before)


def test_a_retried_a_revoked_a_lost_and_an_unknown_task_are_told(
    shared_app: App, ear: Ear, both: tuple[Worker, CeleryWorker]
) -> None:
    def sent(name: str, *args: Any, **options: Any) -> str:
        return str(shared_app.send_task(TASKS + name, args, queue="ours", **options).id)

    retried, unknown, killer = sent("always_retry"), sent("nothing"), sent("poison", "poison")
    running = sent("mark", "running", 60)
    ear.until(lambda: "task-started" in ear.types(running))
    shared_app.control.revoke(running, terminate=True)
    again = ["task-received", "task-started"]
    ear.until(lambda: ear.types(running) == [*again, "task-revoked"])
    assert ear.of(running)[-1]["terminated"] is True
    ear.until(lambda: ear.types(retried) == [*again, "task-retried", *again, "task-failed"])
    assert "MaxRetriesExceededError" in ear.of(retried)[-1]["exception"]
    ear.until(lambda: ear.types(unknown) == ["task-failed"])
    assert "NotRegistered" in ear.of(unknown)[0]["exception"]
    ear.until(lambda: ear.types(killer) == [*again, "task-rejected"] * 2 + [*again, "task-failed"])
    assert "WorkerLostError" in ear.of(killer)[-1]["exception"]


@pytest.mark.parametrize(
    ("name", "named", "state", "last"),
    [
        ("mark", "SIGKILL", "REVOKED", []),
        ("mark", "SIGTERM", "REVOKED", []),
        ("mark", "QUIT", "REVOKED", []),
        ("mark", "USR1", "FAILURE", ["task-failed"]),
        ("tidy", "SIGUSR1", "SUCCESS", ["task-succeeded"]),
    ],
)
def test_a_terminated_task_ends_as_in_celerys_worker(
    shared_app: App,
    ear: Ear,
    both: tuple[Worker, CeleryWorker],
    name: str,
    named: str,
    state: str,
    last: list[str],
) -> None:
    args = ("terminated", 60) if name == "mark" else ("terminated",)
    results = [shared_app.send_task(TASKS + name, args, queue=queue) for queue in ("ours", "theirs")]
    ear.until(lambda: all("task-started" in ear.types(result.id) for result in results))
    # Each of its own only: of one that it does not run, Celery's writes REVOKED over what came meanwhile.
    nodes = [both[0].node, both[1].node]
    for result, node in zip(results, nodes, strict=True):
        shared_app.control.revoke(result.id, terminate=True, signal=named, destination=[node])
    expected = ["task-received", "task-started", "task-revoked", *last]
    ear.until(lambda: [ear.types(result.id) for result in results] == [expected] * 2)
    for told in (ear.of(result.id)[2] for result in results):
        assert (told["terminated"], told["expired"]) == (True, False)
        assert signal.Signals(told["signum"]).name.endswith(named)

    def states() -> list[str]:  # asked anew each time: a result that has been REVOKED once says so for ever
        return [shared_app.AsyncResult(str(result.id)).state for result in results]

    # Celery's worker writes REVOKED while its child writes how it has ended: either may be the last.
    wait_until(lambda: states()[0] == state and states()[1] in (state, "REVOKED"))


def test_remote_control_turns_the_events_of_tasks_on_and_off(
    shared_app: App, ear: Ear, both: tuple[Worker, CeleryWorker]
) -> None:
    ours = [both[0].node]

    def answer(method: str) -> str:
        (said,) = shared_app.control.broadcast(method, destination=ours, reply=True, timeout=10) or []
        return str(said[both[0].node]["ok"])

    assert answer("enable_events") == "task events already enabled"
    assert answer("disable_events") == "task events disabled"
    assert answer("disable_events") == "task events already disabled"
    silent = shared_app.send_task(TASKS + "add", (1, 2), queue="ours")
    assert silent.get(timeout=10) == 3
    assert answer("enable_events") == "task events enabled"
    told = shared_app.send_task(TASKS + "add", (3, 4), queue="ours", ignore_result=True)
    ear.until(lambda: "task-succeeded" in ear.types(told.id))
    assert ear.of(told.id)[-1]["result"] == "7", "though neither the log nor the result store wants it"
    assert ear.types(silent.id) == []


def test_a_worker_tells_as_often_as_it_is_to_that_it_lives_and_of_tasks_only_if_it_is_to(
    shared_server: Server, shared_app: App, ear: Ear, tmp_path: Path
) -> None:
    options = ("-Q", "untold", "--heartbeat-interval", "0.2")
    with Worker(shared_server.url(), tmp_path, *options, name="w3") as worker:
        untold = shared_app.send_task(TASKS + "add", (1, 2), queue="untold")
        assert untold.get(timeout=10) == 3
        done = time.time()
        ear.until(lambda: sum(each["timestamp"] > done for each in ear.workers(worker.node)) > 3)
        last = ear.workers(worker.node)[-3:]
        assert {each["freq"] for each in last} == {0.2}
        assert last[-1]["timestamp"] - last[0]["timestamp"] < 2
        assert ear.types(untold.id) == []


def test_an_election_of_others_is_not_held_up(
    shared_server: Server, ear: Ear, both: tuple[Worker, CeleryWorker]
) -> None:
    elect = Origin("other@test", Clock()).event("worker-elect", 0.0, {"id": "e1", "topic": "task"})
    shared_server.client.publish("/0.celeryev/worker.elect", message.write(elect, "celeryev", "worker.elect"))
    ear.until(lambda: [each["id"] for each in ear.workers(both[0].node, "worker-elect-ack")] == ["e1"])


def test_a_slow_server_gets_no_more_events_than_there_is_room_for(server: Server) -> None:
    with DrivenMailbox(RedisMailbox(parse(server.url()), ())) as mailbox:
        outbox, event = Outbox("celeryev"), {"type": "task-started", "hostname": "w", "x": "x" * 1000}
        server.pause()
        for _ in range(10_000):
            outbox.add_task(event)
        outbox.post(mailbox.mailbox)
        assert 0 < outbox.dropped < 10_000
        assert FOR_REPLIES - 200_000 < mailbox.mailbox.room() < KEPT
        server.resume()
