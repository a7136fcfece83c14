"""Hooks: who is called with what (`runtime.hooks`), and what a task's run tells them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import celery.signals
import orjson
import pytest
from celery.utils.dispatch import Signal

from brokers import envelope
from runtime import App, Reject, hooks
from runtime.execution import report
from runtime.execution.run import Runner
from runtime.hooks import Hook
from runtime.protocol import task_message
from runtime.protocol.calls import compose

ROOT = Path(__file__).parents[2]
OURS = {name for name, each in vars(hooks).items() if isinstance(each, Hook)}


def test_all_signals_of_celery_are_here_but_those_that_the_documentation_names() -> None:
    page = (ROOT / "docs" / "moving-over.md").read_text()
    theirs = {name for name, each in vars(celery.signals).items() if isinstance(each, Signal)}
    assert theirs >= OURS
    assert all(f"`{name}`" in page.partition("but these:")[2] for name in theirs - OURS)


def test_each_has_a_row_in_the_readme_that_says_its_process_and_arguments() -> None:
    rows = (ROOT / "README.md").read_text().partition("| hook | process | arguments")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in rows.splitlines()[2:]))
    assert sorted(named) == sorted(OURS)


@pytest.fixture
def calls() -> list[dict[str, Any]]:
    return []


@pytest.fixture(autouse=True)
def unconnected() -> Iterator[None]:
    yield
    for hook in vars(hooks).values():
        if isinstance(hook, Hook):
            hook.handlers.clear()


def test_a_function_is_called_once_whatever_it_is_connected_with(calls: list[dict[str, Any]]) -> None:
    hook = Hook("h")

    @hook.connect
    def first(**given: Any) -> None:
        calls.append(given)

    hook.connect(first)
    hook.send("s", x=1)
    assert calls == [{"sender": "s", "signal": hook, "x": 1}]
    assert hook.disconnect(first)
    assert not hook.disconnect(first)
    hook.send("s")
    assert len(calls) == 1


def test_a_function_can_be_for_one_task_or_its_name_only(calls: list[dict[str, Any]]) -> None:
    app = App("t", set_as_current=False)
    one, other = (app.task(name=name)(lambda: None) for name in ("one", "other"))
    hook = Hook("h")
    hook.connect(lambda **given: calls.append({"by": "task"}), sender=one)
    hook.connect(sender="one")(lambda **given: calls.append({"by": "name"}))
    for sender in (one, other, "one", "other", None):
        hook.send(sender)
    assert calls == [{"by": "task"}, {"by": "name"}] * 2


def test_one_that_fails_is_logged_and_the_others_are_called(
    calls: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    hook = Hook("h")

    @hook.connect
    def fails(**given: Any) -> NoReturn:
        raise SystemExit(1)

    hook.connect(lambda **given: calls.append(given))
    with caplog.at_level(logging.ERROR):
        hook.send(None)
    assert len(calls) == 1
    assert "Hook h: <function" in caplog.text


def test_a_weak_one_is_forgotten_with_its_object(calls: list[dict[str, Any]]) -> None:
    class Listener:
        def hear(self, **given: Any) -> None:
            calls.append(given)

    hook, listener = Hook("h"), Listener()
    hook.connect(listener.hear, weak=True)
    hook.send(None)
    del listener
    hook.send(None)
    assert len(calls) == 1
    assert hook.handlers == []


def listen(calls: list[dict[str, Any]], *names: str) -> None:
    for name in names:
        getattr(hooks, name).connect(lambda signal, **given: calls.append({"hook": signal.name, **given}))


def test_a_run_tells_its_beginning_and_its_end(calls: list[dict[str, Any]]) -> None:
    app = App("t", set_as_current=False, backend=None)
    app.conf.result_backend = None

    @app.task(bind=True, max_retries=1)
    def act(self: Any, how: str) -> str:
        if how == "fail":
            raise ValueError(how)
        if how == "retry":
            raise self.retry()
        if how == "reject":
            raise Reject(how)
        return how

    listen(calls, "task_prerun", "task_postrun", "task_success", "task_failure", "task_retry")
    runner = Runner(app, "w@test", False)
    for how in ("work", "fail", "reject", "retry"):
        calls.clear()
        [push] = compose(app.conf, act.name, (how,), {}, {"task_id": "7"}, ["q"])
        report.decode(runner(memoryview(push.message)))
        before, end, after = calls
        told = {"sender": act, "task_id": "7", "task": act, "args": [how], "kwargs": {}}
        assert before == {"hook": "task_prerun", **told}
        state = {"work": "SUCCESS", "fail": "FAILURE", "reject": "REJECTED", "retry": "RETRY"}[how]
        assert after == {"hook": "task_postrun", **told, "retval": after["retval"], "state": state}
        if how == "work":
            assert end == {"hook": "task_success", "sender": act, "result": "work"}
        elif how in ("fail", "reject"):
            assert (end["hook"], end["task_id"], end["args"]) == ("task_failure", "7", [how])
            assert end["exception"] is end["einfo"].exception.exc is after["retval"]
            assert how in end["einfo"].traceback
        else:
            assert (end["hook"], end["request"].id) == ("task_retry", "7")


def test_what_is_published_can_be_changed_before() -> None:
    @hooks.before_task_publish.connect(sender="mark")
    def change(headers: dict[str, Any], body: Any, properties: dict[str, Any], **more: Any) -> None:
        headers["trace"] = "abc"
        body[1]["added"] = 1
        properties["priority"] = 3

    app = App("t", set_as_current=False)
    for name in ("mark", "other"):
        [push] = compose(app.conf, name, (), {}, {}, ["q"])
        enveloped = envelope.parse(push.message)
        sent = task_message.read(enveloped)
        body = orjson.loads(enveloped.content())
        changed = name == "mark"
        assert (sent.custom_headers == {"trace": "abc"}) is changed
        assert (body[1] == {"added": 1}) is changed
        assert sent.priority == (3 if changed else 0)
