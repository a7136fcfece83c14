"""Every command of stock Celery's `inspect` and `control`, asked of our worker and of a Celery worker at
once: what they answer has the same fields. One of each serves all tests of this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from celery import Celery

from runtime import App
from runtime.errors import TaskRevokedError
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

TASKS = "tests.support.app."


class Pair:
    """Both workers, each with two slots, room for four messages and a queue of its own; a Celery client."""

    def __init__(self, server: Server, ours: Worker, theirs: CeleryWorker) -> None:
        self.server = server
        self.ours = ours
        self.nodes = (ours.node, theirs.node)
        self.client = Celery("client", broker=server.url(), backend=server.url(), set_as_current=False)

    def close(self) -> None:
        self.client.close()
        self.client.backend.result_consumer.stop()
        self.client.backend.client.close()

    def ask(self, method: str, nodes: tuple[str, ...] = (), **arguments: Any) -> list[Any]:
        """The answers of (ours, theirs)."""
        nodes = nodes or self.nodes
        asked = self.client.control.broadcast(
            method, arguments=arguments, reply=True, destination=list(nodes), timeout=10
        )
        answers = {node: value for answer in asked for node, value in answer.items()}
        return [answers[node] for node in nodes]

    def ask_ours(self, method: str, **arguments: Any) -> Any:
        return self.ask(method, self.nodes[:1], **arguments)[0]

    def send(self, name: str, *args: Any, **options: Any) -> list[Any]:
        """One task for each: their results."""
        ids = [str(uuid4()) for _ in self.nodes]
        return [
            self.client.send_task(TASKS + name, [*args], queue=queue, task_id=task_id, **options)
            for queue, task_id in zip(("ours", "theirs"), ids, strict=True)
        ]

    def run(self, count: int) -> list[list[Any]]:
        """So many long tasks for each; returned once those that can run do."""
        sent = [self.send("mark", f"long {uuid4()}", 60) for _ in range(count)]
        wanted = {result.id for pair in sent for result in pair}
        wait_until(lambda: [len(wanted & ids(tasks)) for tasks in self.ask("active")] == [min(count, 2)] * 2)
        return sent

    def end(self, sent: list[list[Any]]) -> None:
        """Terminate these, and wait until nothing runs."""
        self.ask("revoke", task_id=[result.id for pair in sent for result in pair], terminate=True)
        wait_until(lambda: self.ask("active") == [[], []])


def ids(tasks: list[dict[str, Any]]) -> set[str]:
    return {task["id"] for task in tasks}


@pytest.fixture(scope="module")
def pair(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory: Path = tmp_path_factory.mktemp("pair")
    url = shared_server.url()
    with (
        CeleryWorker(url, directory, "-Q", "theirs", "--prefetch-multiplier", "2") as theirs,
        Worker(
            url, directory, "-Q", "ours", "--prefetch-multiplier", "2", app="tests.support.commands_app"
        ) as ours,
    ):
        pair = Pair(shared_server, ours, theirs)
        wait_until(lambda: len(pair.client.control.ping(timeout=0.5)) == 2)
        yield pair
        pair.close()


NUMBER = (int, float)


def differences(ours: Any, theirs: Any, at: str = "answer") -> list[str]:
    """Where the form of our answer is not that of theirs: members, and kinds of values."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{at}: {name!r} on one side only" for name in sorted(ours.keys() ^ theirs.keys(), key=str)]
        for name in ours.keys() & theirs.keys():
            found += differences(ours[name], theirs[name], f"{at}.{name}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(ours[0], theirs[0], f"{at}[0]") if ours and theirs else []
    alike = type(ours) is type(theirs) or (isinstance(ours, NUMBER) and isinstance(theirs, NUMBER))
    return [] if alike else [f"{at}: {ours!r} and {theirs!r}"]


# Questions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("ping", {}),
        ("active", {}),
        ("reserved", {}),
        ("scheduled", {}),
        ("query_task", {"ids": ["unknown"]}),
        ("no_such_command", {}),
        ("autoscale", {"max": 3, "min": 1}),
        ("pool_restart", {}),
        ("heartbeat", {}),
        ("disable_events", {}),
        ("time_limit", {"task_name": "unknown", "soft": 1, "hard": 2}),
        ("revoke_by_stamped_headers", {"headers": {"stamp": ["nobody's"]}}),
        ("revoke_by_stamped_headers", {"headers": ["stamp=nobody's"], "terminate": True}),
        ("terminate", {"signal": "KILL", "task_id": "unknown"}),
    ],
)
def test_both_answer_the_very_same(pair: Pair, method: str, arguments: dict[str, Any]) -> None:
    ours, theirs = pair.ask(method, **arguments)
    assert ours == theirs


def test_workers_tell_each_other_what_is_revoked(pair: Pair) -> None:
    assert pair.ask_ours("hello", from_node=pair.ours.node) is None
    ours, theirs = pair.ask("hello", from_node="another@test", revoked=["said by hello"])
    assert differences(ours, theirs) == []
    for method in ("revoked", "dump_revoked"):
        assert all("said by hello" in answer for answer in pair.ask(method))


@pytest.mark.parametrize(
    "method", ["clock", "stats", "active_queues", "dump_conf", "conf", "report", "memsample"]
)
def test_both_answers_have_the_same_form(pair: Pair, method: str) -> None:
    ours, theirs = pair.ask(method)
    if method.endswith("conf"):  # each has settings of its own
        ours, theirs = ({"broker_url": answer["broker_url"]} for answer in (ours, theirs))
    if method == "stats":
        assert ours["pid"] == pair.ours.process.pid
        ours["pool"]["writes"] = theirs["pool"]["writes"]  # "N/A" is allowed
        ours["broker"] |= {"uri_prefix": "redis"}
        ours["total"] = theirs["total"]
    assert differences(ours, theirs) == []


def test_settings_are_told_with_defaults_when_asked_for(pair: Pair) -> None:
    ours, theirs = pair.ask("conf", with_defaults=True)
    for name in ("task_acks_late", "worker_prefetch_multiplier", "result_expires", "accept_content"):
        assert name in ours
        assert name in theirs


def test_registered_tasks_are_told_by_name_and_attributes(pair: Pair) -> None:
    ours, theirs = pair.ask("registered")
    assert set(theirs) <= set(ours)
    assert ours == sorted(ours)
    shown = pair.ask("registered", taskinfoitems=["acks_late", "max_deliveries", "_private"])
    assert TASKS + "mark [acks_late=True max_deliveries=3]" in shown[0]
    assert TASKS + "mark [acks_late=True]" in shown[1]


def test_an_election_is_ignored(pair: Pair) -> None:
    # Not asked of Celery's worker: its remote control stops then.
    assert pair.ask_ours("election", id="1", topic="task") is None


def test_memory_is_dumped(pair: Pair) -> None:
    pair.ask("memsample")
    ours = pair.ask_ours("memdump", samples=1)
    assert ours.startswith("- rss (sample 0): ")
    written = Path(pair.ask_ours("objgraph", num=5)["filename"])
    assert written.read_text().count("\n") == 5
    written.unlink()


# Tasks -------------------------------------------------------------------------------------------------


def test_a_running_task_is_shown_and_terminated(pair: Pair) -> None:
    sent = pair.run(1)
    ours, theirs = pair.ask("active")
    assert differences(ours, theirs) == []
    assert ours[0]["args"] == [*theirs[0]["args"][:1], 60]
    assert ours[0]["worker_pid"] in pair.ours.children()
    safe = pair.ask("active", safe=True)
    assert isinstance(safe[0][0]["args"], str)
    assert differences(*safe) == []
    for node, result in zip(pair.nodes, sent[0], strict=True):
        (answer,) = pair.ask("query_task", (node,), ids=[result.id])
        assert answer[result.id][0] == "active"
        pair.ask("revoke", (node,), task_id=result.id)
        assert len(pair.ask("active", (node,))[0]) == 1  # it is not ended unless we are told to
        answers = pair.ask("revoke", (node,), task_id=[result.id], terminate=True, signal="KILL")
        assert answers == [{"ok": f"terminate: {result.id}"}]
        with pytest.raises(Exception, match="terminated"):
            result.get(timeout=10)
        assert result.state == "REVOKED"
    wait_until(lambda: pair.ask("active") == [[], []])
    assert [len(answer) for answer in pair.ask("reserved")] == [0, 0]


def test_a_reserved_task_is_shown_and_revoked_before_it_runs(pair: Pair) -> None:
    sent = pair.run(4)
    wait_until(lambda: [len(answer) for answer in pair.ask("reserved")] == [2, 2])
    ours, theirs = pair.ask("reserved")
    assert differences(ours, theirs) == []
    waiting = sorted(ids(ours))
    assert {state for state, _ in pair.ask_ours("query_task", ids=waiting).values()} == {"reserved"}
    text = pair.ask_ours("revoke", task_id=waiting)["ok"]
    assert text.startswith("tasks {'")
    assert text.endswith("'} flagged as revoked")
    assert pair.ask_ours("reserved") == []
    assert set(waiting) <= set(pair.ask_ours("revoked"))
    for task_id in waiting:
        with pytest.raises(Exception, match="revoked"):
            pair.client.AsyncResult(task_id).get(timeout=10)
    pair.end(sent)


def test_a_scheduled_task_is_shown_and_does_not_run_once_it_is_revoked(pair: Pair) -> None:
    far, near = pair.send("mark", "far", countdown=600), pair.send("mark", "near", countdown=2)
    wait_until(lambda: [len(answer) for answer in pair.ask("scheduled")] == [2, 2])
    ours, theirs = pair.ask("scheduled")
    assert differences(ours, theirs) == []
    assert {each["request"]["id"] for each in ours} == {far[0].id, near[0].id}
    assert ours[0]["eta"].endswith("+00:00")
    (state, _), *_ = pair.ask_ours("query_task", ids=[far[0].id]).values()
    assert state == "scheduled"
    before = pair.ours.started("near")
    pair.ask("revoke", task_id=[result.id for result in (*far, *near)])
    for result in (*far, *near):
        with pytest.raises(Exception, match="revoked"):
            result.get(timeout=10)
    wait_until(lambda: near[0].id not in {each["request"]["id"] for each in pair.ask_ours("scheduled")})
    assert pair.ours.started("near") == before


def test_a_task_that_is_not_here_yet_is_remembered_as_revoked(pair: Pair) -> None:
    task_id = str(uuid4())
    pair.ask_ours("revoke", task_id=task_id)
    assert pair.client.AsyncResult(task_id).state == "REVOKED"
    pair.client.send_task(TASKS + "mark", ["never"], queue="ours", task_id=task_id)
    pair.client.send_task(TASKS + "add", [1, 1], queue="ours").get(timeout=10)
    assert pair.ours.started("never") == 0


def test_a_revoke_leaves_a_finished_or_begun_task_its_state(pair: Pair) -> None:
    done = pair.client.send_task(TASKS + "fail", ["kept"], queue="ours")
    done.get(timeout=10, propagate=False)
    begun = str(uuid4())
    pair.server.client.set(f"celery-task-meta-{begun}", '{"status": "STARTED", "result": null}')
    pair.ask("revoke", task_id=[done.id, begun])
    pair.ask("ping")
    assert pair.client.AsyncResult(done.id).state == "FAILURE"
    assert pair.client.AsyncResult(begun).state == "STARTED"


def test_tasks_are_revoked_by_their_stamps(pair: Pair) -> None:
    running = pair.send("mark", "stamped", 60, stamped_headers=["monitor"], monitor="m1")
    wait_until(lambda: [len(answer) for answer in pair.ask("active")] == [1, 1])
    arguments: dict[str, Any] = {"headers": {"monitor": ["m1"]}, "terminate": True, "signal": "KILL"}
    ours, theirs = pair.ask("revoke_by_stamped_headers", **arguments)
    assert ours["ok"] == "headers {'monitor': {'m1'}} revoked"
    assert "{'m1'}" in theirs["ok"]
    with pytest.raises(Exception, match="terminated"):
        running[0].get(timeout=10)
    later = pair.send("mark", "stamped later", stamped_headers=["monitor"], monitor="m1")
    for result in later:
        with pytest.raises(Exception, match="revoked"):
            result.get(timeout=10)


# Changes -----------------------------------------------------------------------------------------------


def test_time_limits_change(pair: Pair) -> None:
    arguments: dict[str, Any] = {"task_name": TASKS + "early_mark", "soft": None, "hard": 0.3}
    assert pair.ask_ours("time_limit", **arguments) == {"ok": "time limits set successfully"}
    limited = pair.client.send_task(TASKS + "early_mark", ["limited", 60], queue="ours")
    with pytest.raises(Exception, match=r"TimeLimitExceeded|0\.3"):
        limited.get(timeout=10)
    pair.ask_ours("time_limit", **{**arguments, "hard": None})


def test_the_pool_grows_and_shrinks(pair: Pair) -> None:
    assert pair.ask("pool_grow", n=1) == [{"ok": "pool will grow"}] * 2
    wait_until(lambda: len(pair.ask_ours("stats")["pool"]["processes"]) == 3)
    assert pair.ask_ours("stats")["prefetch_count"] == 6
    assert pair.ask_ours("pool_shrink", n=1) == {"ok": "pool will shrink"}
    wait_until(lambda: len(pair.ask_ours("stats")["pool"]["processes"]) == 2)
    assert "ValueError" in pair.ask_ours("pool_shrink", n=2)["error"]
    assert pair.ask_ours("stats")["pool"]["max-concurrency"] == 2


def test_queues_are_added_and_cancelled(pair: Pair) -> None:
    assert pair.ask("add_consumer", queue="extra ours") == [{"ok": "add consumer extra ours"}] * 2
    result = pair.client.send_task(TASKS + "add", [2, 2], queue="extra ours")
    assert result.get(timeout=10) == 4
    ours, theirs = pair.ask("active_queues")
    assert differences(ours[1], theirs[1]) == []
    assert ours[1]["name"] == theirs[1]["name"] == "extra ours"
    ended = {"ok": "no longer consuming from extra ours"}
    assert pair.ask("cancel_consumer", queue="extra ours") == [ended, ended]
    assert pair.ask_ours("active_queues") == ours[:1]
    topic = {"queue": "q2", "exchange": "e2", "exchange_type": "topic", "routing_key": "a.#"}
    pair.ask_ours("add_consumer", **topic)
    added = pair.ask_ours("active_queues")[1]
    assert (added["exchange"]["name"], added["exchange"]["type"], added["routing_key"]) == (
        "e2",
        "topic",
        "a.#",
    )
    assert pair.ask_ours("cancel_consumer", queue="q2") == {"ok": "no longer consuming from q2"}


@pytest.mark.parametrize("method", ["rate_limit", "enable_events"])
def test_what_is_not_supported_is_said(pair: Pair, method: str) -> None:
    assert "not supported by this worker yet" in pair.ask_ours(method)["error"]


# Bad commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("revoke", {}),
        ("revoke", {"task_id": 7}),
        ("revoke", {"task_id": ["a", None]}),
        ("revoke", {"task_id": "\ud800"}),
        ("revoke", {"task_id": "a", "terminate": True, "signal": "SIGNONE"}),
        ("revoke_by_stamped_headers", {"headers": "text"}),
        ("pool_grow", {"n": "many"}),
        ("pool_grow", {"n": -1}),
        ("pool_shrink", {"n": None}),
        ("time_limit", {"task_name": TASKS + "add", "hard": "soon"}),
        ("add_consumer", {"queue": ["a"]}),
        ("add_consumer", {"queue": "q", "exchange_type": "fanout"}),
        ("cancel_consumer", {"queue": ""}),
        ("query_task", {"ids": 7}),
        ("hello", {}),
    ],
)
def test_wrong_arguments_are_answered_with_an_error(
    pair: Pair, method: str, arguments: dict[str, Any]
) -> None:
    assert "Error(" in pair.ask_ours(method, **arguments)["error"]


# Custom commands ---------------------------------------------------------------------------------------


def test_a_custom_command_runs_in_a_process_of_its_own(pair: Pair) -> None:
    answer = pair.ask_ours("double", number=21)
    assert (answer["doubled"], answer["app"], answer["node"]) == (42, "tests", pair.ours.node)
    assert answer["pid"] in pair.ours.children()
    assert answer["pid"] not in pair.ask_ours("stats")["pool"]["processes"]
    assert pair.ask_ours("old_double")["pid"] == answer["pid"]


def test_a_custom_command_cannot_harm_the_worker(pair: Pair) -> None:
    for word, reason in (
        ("raise", "Custom('own', {'a': 1})"),
        ("leave", "SystemExit(3)"),
        ("no JSON", "EncodeError("),
        ("die", "its process died: exit code -9"),
    ):
        assert reason in pair.ask_ours("misbehave", words=[word])["error"]
    assert "TypeError(" in pair.ask_ours("misbehave", unknown=1)["error"]
    assert pair.ask_ours("misbehave", words=["goes", "on"]) == "goes on"
    assert pair.ask_ours("misbehave", words=["half \ud800"]) == "half \ud800"
    pair.client.control.broadcast("misbehave", arguments={"words": ["sleep"]}, destination=[pair.ours.node])
    assert pair.ask_ours("ping") == {"ok": "pong"}
    assert pair.client.send_task(TASKS + "add", [1, 1], queue="ours").get(timeout=10) == 2


# Command lines and our own client ----------------------------------------------------------------------


def command(pair: Pair, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`celery …` or `runtime …` as a process."""
    url = pair.server.url()
    env = {**os.environ, "CELERY_URL": url, "RUNTIME_BROKER_URL": url, "RUNTIME_RESULT_BACKEND": url}
    app = {"celery": "tests.support.celery_app", "runtime": "tests.support.commands_app"}[program]
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), "-A", app, *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_stock_celery_command_shows_and_tells_our_worker(pair: Pair) -> None:
    status = command(pair, "celery", "status")
    assert f"{pair.ours.node}: OK" in status.stdout
    assert "2 nodes online" in status.stdout
    for verb, *arguments in (
        ("inspect", "stats"),
        ("inspect", "registered", "rate_limit"),
        ("control", "pool_grow", "1"),
        ("control", "pool_shrink", "1"),
    ):
        nodes = ",".join(pair.nodes)
        done = command(pair, "celery", verb, *arguments, "--json", "-t", "10", "-d", nodes)
        assert done.returncode == 0, done.stderr
        answered = json.loads(done.stdout.splitlines()[-1]) if verb == "inspect" else done.stdout
        assert pair.ours.node in answered


def test_our_own_command_asks_and_tells_both(pair: Pair) -> None:
    ours, theirs = pair.nodes
    status = command(pair, "runtime", "status")
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout == f"{theirs}: OK\n{ours}: OK\n\n2 online.\n"
    done = command(pair, "runtime", "inspect", "ping", "--json")
    assert json.loads(done.stdout) == {node: {"ok": "pong"} for node in pair.nodes}
    done = command(pair, "runtime", "inspect", "active", "safe=true", "-d", ours)
    assert done.stdout == f"{ours}: []\n"
    done = command(pair, "runtime", "control", "revoke", "one", "two", "-d", ours, "--json")
    assert "'one'" in json.loads(done.stdout)[ours]["ok"]
    done = command(pair, "runtime", "control", "time_limit", TASKS + "add", "1.5", "2", "-d", ours)
    assert done.stdout == f"{ours}: time limits set successfully\n"
    done = command(pair, "runtime", "inspect", "double", "4", "-d", ours, "--json", "-t", "10")
    assert json.loads(done.stdout)[ours]["doubled"] == 8


def test_our_own_command_says_what_is_wrong(pair: Pair) -> None:
    ours = pair.nodes[0]
    failed = command(pair, "runtime", "control", "pool_shrink", "n=9", "-d", ours)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"{ours}: error: ValueError(")
    nobody = command(pair, "runtime", "inspect", "ping", "-d", "nobody@test", "--timeout", "0.2")
    assert (nobody.returncode, nobody.stderr) == (6, "no worker answered within 0.2 s\n")
    for wrong in (("inspect", "revoke", "x"), ("inspect", "ping", "x"), ("control", "pool_grow", "many")):
        refused = command(pair, "runtime", *wrong)
        assert refused.returncode == 2
        assert refused.stderr.startswith("runtime: error: ")
        assert refused.stderr.count("\n") == 1


@pytest.fixture
def own(pair: Pair) -> Iterator[App]:
    """A client of our own."""
    app = App("client", broker=pair.server.url(), backend=pair.server.url(), set_as_current=False)
    yield app
    app.close()


def test_our_own_client_asks_both(pair: Pair, own: App) -> None:
    ours, theirs = pair.nodes
    control = own.control
    assert sorted(map(list, control.ping())) == [[theirs], [ours]]
    assert control.inspect().ping() == {node: {"ok": "pong"} for node in pair.nodes}
    assert control.inspect(ours).active() == []
    assert control.inspect([ours]).stats().keys() == {ours}
    assert control.inspect(pattern="w*").ping() == {ours: {"ok": "pong"}}
    assert control.inspect(pattern="c.@test", matcher="pcre").clock().keys() == {theirs}
    assert control.inspect("nobody@test", timeout=0.1).ping() is None
    seen: list[object] = []
    assert len(control.ping(limit=1, callback=seen.append)) == len(seen) == 1
    assert control.inspect(ours).query_task("a", "b") == control.inspect(ours).query_task(["a"]) == {}
    assert TASKS + "add" in control.inspect(ours).registered()
    for question in ("reserved", "scheduled", "revoked", "active_queues", "conf", "report", "memsample"):
        assert getattr(control.inspect(ours), question)() is not None
    with pytest.raises(ValueError, match="list of node names, not 'w1@test'"):
        control.ping(destination=ours)


def test_our_own_client_changes_a_worker(pair: Pair, own: App) -> None:
    ours = pair.nodes[:1]

    def told(method: str, *arguments: Any, **options: Any) -> Any:
        ((answer,),) = [list(each.values()) for each in getattr(own.control, method)(
            *arguments, destination=ours, reply=True, timeout=10, **options
        )]  # fmt: skip
        return answer

    assert told("add_consumer", "q3") == {"ok": "add consumer q3"}
    assert told("cancel_consumer", "q3") == {"ok": "no longer consuming from q3"}
    assert told("pool_grow") == {"ok": "pool will grow"}
    assert told("pool_shrink", 1) == {"ok": "pool will shrink"}
    assert told("time_limit", TASKS + "add", soft=1, hard=2) == {"ok": "time limits set successfully"}
    assert told("time_limit", TASKS + "add") == {"ok": "time limits set successfully"}
    assert told("revoke_by_stamped_headers", {"a": ["b"]})["ok"].endswith("not terminated")
    assert told("terminate", "unknown") == {"ok": "terminate: tasks unknown"}
    assert "Autoscale not enabled" in told("autoscale", 3, 1)["error"]
    assert "restarts not enabled" in told("pool_restart")["error"]
    assert "rate limits" in told("rate_limit", TASKS + "add", "1/s")["error"]
    assert told("heartbeat") is None
    for method in ("enable_events", "disable_events"):
        assert told(method)


def test_a_result_can_be_revoked(pair: Pair, own: App) -> None:
    result = own.send_task(TASKS + "mark", ["to be ended", 60], queue="ours")
    wait_until(lambda: result.id in ids(pair.ask_ours("active")))
    result.revoke(terminate=True)
    with pytest.raises(TaskRevokedError):
        result.get(timeout=10)
    wait_until(lambda: pair.ask_ours("active") == [])


# Workers of their own ----------------------------------------------------------------------------------


def test_a_worker_is_shut_down_and_leaves_no_name_behind(pair: Pair, own: App, tmp_path: Path) -> None:
    with Worker(pair.server.url(), tmp_path, name="w2") as worker:
        wait_until(lambda: own.control.inspect(worker.node).ping())
        own.control.shutdown(destination=[worker.node])
        assert worker.wait() == 0
    members = pair.server.client.smembers("_kombu.binding.celery.pidbox")
    assert not any(b"w2@test" in member for member in members)


def test_the_pool_is_restarted_where_that_is_allowed(pair: Pair, own: App, tmp_path: Path) -> None:
    env = {"SETTINGS": '{"worker_pool_restarts": true, "control_exchange": "apart"}'}
    own.conf.control_exchange = "apart"
    with Worker(pair.server.url(), tmp_path, name="w3", env=env) as worker:
        asked = own.control.inspect(worker.node)
        before = wait_until(asked.stats)["pool"]["processes"]
        (answer,) = own.control.pool_restart(reply=True)
        assert answer == {worker.node: {"ok": "reload started"}}
        wait_until(lambda: set(before).isdisjoint(asked.stats()["pool"]["processes"]))


def test_a_worker_need_not_listen(pair: Pair, own: App, tmp_path: Path) -> None:
    env = {"SETTINGS": '{"worker_enable_remote_control": false}'}
    with Worker(pair.server.url(), tmp_path, name="w4", env=env) as worker:
        assert own.send_task(TASKS + "add", [1, 1]).get(timeout=10) == 2
        assert own.control.inspect(worker.node, timeout=0.2).ping() is None


def test_what_makes_no_sense_is_ignored(pair: Pair, own: App, tmp_path: Path) -> None:
    own.conf.control_exchange = "nonsense"  # over some of these a Celery worker breaks

    def envelope(body: object, **more: object) -> bytes:
        text = body if isinstance(body, str) else orjson.dumps(body).decode()
        return orjson.dumps({"body": text, "headers": {}, "properties": {}, **more})

    messages = (
        b"no json",
        b"[]",
        b"{}",
        envelope("no json"),
        envelope([]),
        envelope({"method": 7}),
        envelope({"method": "ping", "arguments": [1]}),
        envelope({"method": "ping", "destination": "w1@test"}),
        envelope({"method": "ping", "pattern": "(", "matcher": "pcre"}),
        envelope({"method": "ping", "reply_to": "me"}),
        envelope({"method": "shutdown"}, **{"content-type": "application/x-python-serialize"}),
        envelope({"method": "shutdown"}, headers={"expires": 1000.0}),
        envelope({"method": "shutdown", "destination": ["another@test"]}),
        envelope({"method": "shutdown", "pattern": "another*", "matcher": "glob"}),
        envelope({"method": "ping"}, headers={"clock": "late", "expires": "never"}),
    )
    env = {"SETTINGS": '{"control_exchange": "nonsense"}'}
    with Worker(pair.server.url(), tmp_path, name="w5", env=env) as worker:
        wait_until(own.control.ping)
        for message in messages:
            assert pair.server.client.publish("/0.nonsense.pidbox", message) == 1
        assert own.control.ping() == [{worker.node: {"ok": "pong"}}]
        assert worker.log().count("makes no sense") == 11
        assert "shutdown came too late" in worker.log()


def test_a_celery_worker_that_starts_learns_from_ours_what_is_revoked(pair: Pair, tmp_path: Path) -> None:
    pair.ask_ours("revoke", task_id="told to the newcomer")
    with CeleryWorker(pair.server.url(), tmp_path, "-Q", "newcomer", name="c2", mingle=True) as newcomer:
        assert "sync with 2 nodes" in newcomer.log()
        asked = pair.client.control.inspect([newcomer.node], timeout=0.5)
        answer = wait_until(asked.revoked)  # it listens only a little after it says that it is ready
        assert "told to the newcomer" in answer[newcomer.node]
