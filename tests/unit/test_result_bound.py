"""A result that the server would not take is a failure of its task."""

from __future__ import annotations

import orjson
import pytest

from runtime import App
from runtime.execution import report
from runtime.execution.report import Report
from runtime.execution.run import Runner

app = App("t", broker="redis://nowhere", backend="redis://nowhere", set_as_current=False)
app.conf.result_max_bytes = 2000


@app.task
def spaces(count: int) -> str:
    return " " * count


@app.task
def fail(count: int) -> None:
    raise ValueError(" " * count)


def run(push_message: bytes) -> Report:
    return report.decode(Runner(app, "w@host", False)(memoryview(push_message)))


def failure(ended: Report) -> str:
    [(task_id, document)] = ended.documents
    assert (ended.state, task_id) == (report.FAILURE, "id-1")
    assert len(document) <= 4000
    return str(orjson.loads(document)["result"]["exc_message"])


@pytest.mark.parametrize("count", [1, 500])
def test_a_result_within_the_bound_is_stored(count: int) -> None:
    assert run(app.messages(spaces.s(count), task_id="id-1").pushes[0].message).state == report.SUCCESS


def test_a_result_beyond_it_is_a_failure_that_says_so() -> None:
    ended = run(app.messages(spaces.s(2001), task_id="id-1").pushes[0].message)
    assert "result_max_bytes allows 2000" in failure(ended)


def test_so_is_one_that_only_a_follow_up_cannot_carry() -> None:
    push = app.messages(spaces.s(2001).set(link=spaces.s(), ignore_result=True), task_id="id-1").pushes[0]
    ended = run(push.message)
    assert (ended.state, list(ended.pushes)) == (report.FAILURE, [])
    assert "a follow-up has" in ended.text


def test_an_exception_beyond_it_is_told_by_its_kind() -> None:
    assert "EncodeError" in failure(run(app.messages(fail.s(2001), task_id="id-1").pushes[0].message))
