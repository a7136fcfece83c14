"""Every command of stock Celery's `inspect` and `control`, given by its command line to our worker and to a
Celery worker at once: what is printed of both has the same fields. Then our own command line and client,
asking both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from celery.worker.control import Panel

from runtime import App
from runtime.cli import remote
from runtime.errors import TaskRevokedError
from runtime.worker.commands.all import COMMANDS
from tests.support.celery_worker import CeleryWorker
from tests.support.pair import TASKS, Pair, differences, ids
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

CELERY = "tests.support.celery_app"
INSPECT = {
    "active": "form",
    "active_queues": "form",
    "clock": "form",
    "conf": "settings",
    "memdump": "text",
    "memsample": "text",
    "objgraph": "file",
    "ping": "same",
    "query_task unknown": "same",
    "registered acks_late": "names",
    "report": "form",
    "reserved": "form",
    "revoked": "form",
    "scheduled": "form",
    "stats": "stats",
}
"""Command line → what is to be alike."""
CONTROL = {
    "add_consumer more": "same",
    "cancel_consumer more": "same",
    "autoscale 3 1": "same",
    "disable_events": "same",
    "enable_events": "same",
    "heartbeat": "same",
    "pool_grow 1": "same",
    "pool_shrink 1": "same",
    "pool_restart": "same",
    "rate_limit tests.support.app.fail 10/m": "same",
    "time_limit tests.support.app.fail 30 60": "same",
    "revoke unknown": "same",
    "revoke_by_stamped_headers a=b": "same",
    "terminate KILL unknown": "same",
    "election": "same",  # an error: its arguments have no place in Celery's command line (test_elections.py)
}
LAST = "shutdown"
"""Nothing is printed of it; it has a test of its own."""


def printed(
    server: Server, nodes: tuple[str, str], kind: str, lines: Iterable[str]
) -> dict[str, tuple[Any, Any]]:
    """Command line → what is printed of (ours, theirs). One process runs all: its start takes a second."""
    options = ("--json", "-t", "10", "-d", ",".join(nodes))
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.celery_commands"],
        input=json.dumps([[kind, *line.split(), *options] for line in lines]),
        env={**os.environ, "CELERY_URL": server.url()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for line, (code, output) in zip(lines, json.loads(done.stdout), strict=True):
        assert code == 0, (line, output)
        answers = json.loads(output.splitlines()[-1])
        parts = [answers] if isinstance(answers, dict) else answers
        by_node = {node: answer for part in parts for node, answer in part.items()}
        found[line] = (by_node[nodes[0]], by_node[nodes[1]])
    return found


@pytest.fixture(scope="module")
def said(pair: Pair) -> dict[str, tuple[Any, Any]]:
    """Of changes when nothing runs; of questions while both have tasks that run, wait and are scheduled."""
    changes = printed(pair.server, pair.nodes, "control", CONTROL)
    far = pair.send("mark", "far", countdown=600)
    wait_until(lambda: [len(answer) for answer in pair.ask("scheduled")] == [1, 1])
    sent = pair.run(4)
    wait_until(lambda: [len(answer) for answer in pair.ask("reserved")] == [2, 2])
    questions = printed(pair.server, pair.nodes, "inspect", INSPECT)
    pair.end(sent)
    pair.ask("revoke", task_id=[result.id for result in far])
    return {**changes, **questions}


def test_these_are_all_commands_that_celery_has() -> None:
    for kind, ours in (("inspect", INSPECT), ("control", [*CONTROL, LAST])):
        theirs = {
            name
            for name, info in Panel.meta.items()
            if info.type == kind and info.visible and Panel.data[name].__module__ == "celery.worker.control"
        }
        assert {line.split()[0] for line in ours} == theirs


@pytest.mark.parametrize(
    "page",
    [(ROOT / "README.md").read_text(), f"{remote.inspect.help} {remote.control.help}"],
    ids=["README", "help"],
)
def test_the_readme_and_the_help_of_our_own_command_name_all(page: str) -> None:
    assert [name for name in COMMANDS.names() if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize("line", [*INSPECT, *CONTROL])
def test_celery_prints_of_both_workers_the_same(said: dict[str, tuple[Any, Any]], line: str) -> None:
    ours, theirs = said[line]
    match {**INSPECT, **CONTROL}[line]:
        case "same":
            assert ours == theirs
        case "form":
            assert differences(ours, theirs) == []
            assert bool(ours) == bool(theirs)
        case "names":
            assert set(theirs) <= set(ours)
        case "settings":
            assert ours["broker_url"].partition("?")[0] == theirs["broker_url"].partition("?")[0]
        case "text":
            assert type(ours) is type(theirs) is str
        case "file":  # Celery needs the library objgraph for it
            assert Path(ours["filename"]).read_text()
            Path(ours["filename"]).unlink()
        case "stats":
            ours["pool"]["writes"] = theirs["pool"]["writes"]  # "N/A" is allowed
            ours["broker"] |= {"uri_prefix": "redis"}
            ours["total"] = theirs["total"]
            assert differences(ours, theirs) == []


def command(
    pair: Pair, program: str, *arguments: str, app: str | None = None
) -> subprocess.CompletedProcess[str]:
    """`celery …` or `runtime …` as a process."""
    url = pair.server.url()
    env = {**os.environ, "CELERY_URL": url, "RUNTIME_BROKER_URL": url, "RUNTIME_RESULT_BACKEND": url}
    app = app or {"celery": CELERY, "runtime": "tests.support.commands_app"}[program]
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
    done = command(pair, "runtime", "inspect", "hello", "another@test", "-d", ours, "--json")
    assert json.loads(done.stdout)[ours].keys() == {"revoked", "clock"}
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
    unheard = command(pair, "runtime", "control", "shutdown", "-d", "nobody@test", "-t", "0.2")
    assert (unheard.returncode, unheard.stderr) == (6, "no worker answered within 0.2 s\n")
    for wrong in (
        ("inspect", "revoke", "x"),
        ("inspect", "ping", "x"),
        ("control", "pool_grow", "many"),
        ("inspect", "nosuch"),
    ):
        refused = command(pair, "runtime", *wrong)
        assert refused.returncode == 2
        assert refused.stderr.startswith("runtime: error: ")
        assert refused.stderr.count("\n") == 1
    for near, meant in (("regsitered", "registered"), ("dubble", "double")):
        refused = command(pair, "runtime", "inspect", near)
        assert refused.stderr == f"runtime: error: there is no command {near!r}; did you mean {meant!r}?\n"
        assert refused.returncode == 2


def test_our_own_command_tells_a_celery_worker_what_only_celerys_obey(pair: Pair) -> None:
    done = command(pair, "runtime", "inspect", "twice", "21", "-d", pair.nodes[1], app=CELERY)
    assert (done.stdout, done.returncode) == (f"{pair.nodes[1]}: 42\n", 0)
    refused = command(pair, "runtime", "inspect", "thrice", app=CELERY)
    assert refused.stderr == "runtime: error: there is no command 'thrice'; did you mean 'twice'?\n"


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
    assert "must not be longer" in told("time_limit", TASKS + "add", soft=3, hard=2)["error"]
    assert told("time_limit", TASKS + "add") == {"ok": "time limits set successfully"}
    assert told("revoke_by_stamped_headers", {"a": ["b"]})["ok"].endswith("not terminated")
    assert told("terminate", "unknown") == {"ok": "terminate: tasks unknown"}
    assert "Autoscale not enabled" in told("autoscale", 3, 1)["error"]
    assert "restarts not enabled" in told("pool_restart")["error"]
    assert told("rate_limit", TASKS + "add", "1/m") == {"ok": "new rate limit set successfully"}
    assert told("rate_limit", TASKS + "add", 0) == {"ok": "rate limit disabled successfully"}
    assert told("heartbeat") is None
    for method in ("enable_events", "disable_events"):
        assert told(method)


def test_what_waits_is_purged(pair: Pair, own: App) -> None:
    for queue in ("celery", "p", "p"):
        own.send_task(TASKS + "add", [1, 1], queue=queue)
    assert own.control.purge(["p", "nothing"]) == 2
    assert own.control.discard_all() == 1


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


def test_both_obey_what_few_workers_may_be_told_and_end_by_shutdown(pair: Pair, tmp_path: Path) -> None:
    url, scaled = pair.server.url(), ("--autoscale", "4,2")
    env = {"SETTINGS": '{"worker_pool_restarts": true}'}
    with (
        CeleryWorker(url, tmp_path, *scaled, "worker_pool_restarts=1", name="c6") as theirs,
        Worker(url, tmp_path, *scaled, slots=None, name="w6", env=env) as ours,
    ):
        nodes = (ours.node, theirs.node)
        wait_until(lambda: len(pair.client.control.ping([*nodes], timeout=0.5)) == 2)
        told = printed(pair.server, nodes, "control", ("autoscale 3 3", "pool_grow", "pool_restart"))
        assert [our for our, _ in told.values()] == [their for _, their in told.values()]
        assert {"autoscale now max=3 min=3", "reload started"} <= {our.get("ok") for our, _ in told.values()}
        ((our, their),) = printed(pair.server, nodes, "inspect", ("stats",)).values()
        assert our["autoscaler"] == their["autoscaler"] == {"max": 3, "min": 3, "current": 3, "qty": 0}
        command(pair, "celery", "control", LAST, "-d", ",".join(nodes), "-t", "0.1")
        assert (ours.wait(), theirs.process.wait(10)) == (0, 0)


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
