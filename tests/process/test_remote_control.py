"""Remote control: commands asked of our worker and of a Celery worker at once. What they answer has the same
fields. One of each serves all tests of this file; what command lines make of it is in
`test_control_commands.py`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from kombu import Exchange

from tests.support.pair import TASKS, Pair, differences, ids
from tests.support.waiting import wait_until

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
        ("rate_limit", {"task_name": "unknown", "rate_limit": "1/s"}),
        ("rate_limit", {"task_name": TASKS + "add", "rate_limit": "100/s"}),
        ("rate_limit", {"task_name": TASKS + "add", "rate_limit": None}),
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
    wait_until(lambda: pair.ask_ours("scheduled") == [])
    assert f"Discarding revoked task: {TASKS}mark[{far[0].id}]" in pair.ours.log()
    assert pair.ours.started("near") == before


def test_a_task_that_is_not_here_yet_is_remembered_as_revoked(pair: Pair) -> None:
    task_id = str(uuid4())
    pair.ask_ours("revoke", task_id=task_id)
    assert pair.client.AsyncResult(task_id).state == "REVOKED"
    pair.client.send_task(TASKS + "mark", ["never"], queue="ours", task_id=task_id)
    pair.client.send_task(TASKS + "add", [1, 1], queue="ours").get(timeout=10)
    assert pair.ours.started("never") == 0


def test_both_log_what_they_do_not_run_in_the_same_way(pair: Pair) -> None:
    revoked, expired = pair.send("mark", "x", countdown=2), pair.send("mark", "x", expires=-1)
    pair.ask("revoke", task_id=[result.id for result in revoked])

    def discarded(log: str) -> set[str]:
        found = re.findall(rf"INFO/.*Discarding (?:revoked|expired) task: {TASKS}mark\[(.+)\]", log)
        return {*found}

    for number, log in enumerate((pair.ours.log, pair.theirs.log)):
        ended = {revoked[number].id, expired[number].id}
        wait_until(partial(lambda log, ended: ended <= discarded(log()), log, ended))


def test_neither_calls_errbacks_of_what_it_does_not_run(pair: Pair) -> None:
    errback = pair.client.signature(TASKS + "mark", ["errback"], queue="ours", immutable=True)
    expired = pair.send("mark", "x", expires=-1, link_error=errback)
    wait_until(lambda: {result.state for result in expired} == {"REVOKED"})
    pair.client.send_task(TASKS + "add", [1, 1], queue="ours").get(timeout=10)
    assert pair.ours.started("errback") == 0


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
    wait_until(lambda: pair.server.client.exists("_kombu.binding.e2"))
    exchange = cast(Any, Exchange)("e2", type="topic")
    sent = pair.client.send_task(
        TASKS + "add", [2, 2], exchange="e2", routing_key="a.b", declare=[exchange]
    )  # it knows the queue by its binding alone
    assert sent.get(timeout=10) == 4
    assert pair.ask_ours("cancel_consumer", queue="q2") == {"ok": "no longer consuming from q2"}


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
    assert "Remote control: misbehave failed\nTraceback" in pair.ours.log()
    assert 'raise Custom("own"' in pair.ours.log()
    assert "TypeError(" in pair.ask_ours("misbehave", unknown=1)["error"]
    assert pair.ask_ours("misbehave", words=["goes", "on"]) == "goes on"
    assert pair.ask_ours("misbehave", words=["half \ud800"]) == "half \ud800"
    pair.client.control.broadcast("misbehave", arguments={"words": ["sleep"]}, destination=[pair.ours.node])
    assert pair.ask_ours("ping") == {"ok": "pong"}
    assert pair.client.send_task(TASKS + "add", [1, 1], queue="ours").get(timeout=10) == 2
