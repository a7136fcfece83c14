"""What tasks declare, raise and tell, whoever sends them and whoever runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.ways import WAYS, Way, running


@pytest.fixture(scope="module", params=WAYS)
def ways(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    directory = tmp_path_factory.mktemp("kinds")
    ours, theirs = "tests.support.kinds_app", "tests.support.kinds_celery_app"
    with running(request.param, shared_server, directory, ours, theirs, "kinds") as way:
        yield way


@pytest.fixture
def way(ways: Way) -> Way:
    """With nothing noted yet."""
    ways.effects.write_text("")
    return ways


def error_of(result: Any) -> tuple[str, Any]:
    error = result.get(timeout=10, propagate=False)
    return type(error).__name__, error.args


def noted(way: Way, count: int) -> list[str]:
    wait_until(lambda: len(way.noted()) >= count)
    return way.noted()


def test_handlers_of_a_base_class(way: Way) -> None:
    assert way.s("hooked", "work").delay().get(timeout=10) == "work"
    assert noted(way, 3) == ["before_start ['work'] {}", "on_success work", "after_return SUCCESS 'work'"]
    way.effects.write_text("")
    failed = way.s("hooked").apply_async(kwargs={"how": "fail"})
    assert error_of(failed) == ("KeyError", ("as told",))
    assert noted(way, 3) == [
        "before_start [] {'how': 'fail'}",
        "on_failure KeyError('as told')",
        "after_return FAILURE KeyError('as told')",
    ]
    way.effects.write_text("")
    assert way.s("hooked", "retry").delay().get(timeout=10) == "retry"
    kinds = sorted(line.split()[0] for line in noted(way, 5))
    assert kinds == ["after_return", "before_start", "before_start", "on_retry", "on_success"]


def test_retries(way: Way) -> None:
    assert error_of(way.s("automatic", "again").delay()) == ("OSError", ("again",))
    assert way.noted() == ["automatic"] * 3
    assert error_of(way.s("automatic", "not again").delay()) == ("FileNotFoundError", ("not again",))
    assert way.noted() == ["automatic"] * 4
    assert error_of(way.s("again").delay())[0] == "MaxRetriesExceededError"
    assert error_of(way.s("again").apply_async(kwargs={"own": True})) == ("LookupError", ("own",))
    assert way.noted()[4:] == ["again 0", "again 1"] * 2
    assert error_of(way.s("again").apply_async(kwargs={"max_retries": 2}))[0] == "MaxRetriesExceededError"
    assert way.noted()[8:] == ["again 0", "again 1", "again 2"]


def test_results_that_are_not_wanted(way: Way) -> None:
    unwanted = way.s("silent", "one").delay()
    assert noted(way, 1) == ["silent one"]
    assert way.s("silent", "two").apply_async(ignore_result=False).get(timeout=10) == "two"
    told = way.app.AsyncResult(way.s("silent", "fail").delay().id)
    wait_until(lambda: told.state == "FAILURE")
    assert way.app.AsyncResult(unwanted.id).state == "PENDING"
    hidden = way.s("same", 1).apply_async(ignore_result=True)
    assert way.s("same", 2).delay().get(timeout=10) == 2
    assert way.app.AsyncResult(hidden.id).state == "PENDING"


def test_states_on_the_way(way: Way) -> None:
    own = way.s("slow", 0.5).delay()
    wait_until(lambda: own.state == "OWN")
    assert (own.info, own.get(timeout=10)) == ({"step": 1}, "slow")
    tracked = way.s("tracked", 0.5).delay()
    wait_until(lambda: tracked.state == "STARTED")
    assert tracked.info["hostname"] == way.node
    assert tracked.get(timeout=10) == "tracked"
    ignored = way.s("leave", "ignore").delay()
    assert error_of(way.s("leave", "reject").delay()) == ("Reject", ("not me", False))
    assert ignored.state == "PENDING"


def test_limits_and_expiry(way: Way) -> None:
    assert way.s("tidy").delay().get(timeout=10) == "tidied"
    assert error_of(way.s("slow", 10).apply_async(soft_time_limit=0.5))[0] == "SoftTimeLimitExceeded"
    assert error_of(way.s("slow", 10).apply_async(time_limit=1)) == ("TimeLimitExceeded", (1,))
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert error_of(way.s("same", 1).apply_async(expires=past)) == ("TaskRevokedError", ("expired",))
    assert way.s("same", 1).apply_async(expires=60, countdown=0.2).get(timeout=10) == 1


def test_what_is_told_with_a_result(way: Way) -> None:
    result = way.s("same", [1, {"a": "b"}]).apply_async(shadow="other")
    assert result.get(timeout=10) == [1, {"a": "b"}]
    told = (result.name, result.args, result.kwargs, result.worker, result.retries, result.queue)
    assert told == ("kinds.same", [[1, {"a": "b"}]], {}, way.node, 0, "celery")
    stored = json.loads(way.server.client.get(f"celery-task-meta-{result.id}"))
    assert stored.keys() == {
        "status", "result", "traceback", "children", "date_done", "task_id",
        "name", "args", "kwargs", "worker", "retries", "queue",
    }  # fmt: skip


def test_what_a_task_sees(way: Way) -> None:
    sent = way.s("about", 1).apply_async(
        kwargs={"a": 2},
        headers={"own": "header"},
        priority=3,
        shadow="other",
        time_limit=20,
        soft_time_limit=10,
    )
    assert sent.get(timeout=10) == {
        "id": sent.id, "args": [1], "kwargs": {"a": 2}, "retries": 0, "hostname": way.node, "is_eager": False,
        "called_directly": False, "shadow": "other", "timelimit": [20, 10], "priority": 3,
        "headers": {"own": "header"},
    }  # fmt: skip


def test_values_that_json_has_not(way: Way) -> None:
    values = [
        datetime(2026, 11, 22, 15, 0, 31, 650073, tzinfo=UTC), date(2026, 11, 22), Decimal("1.10"),
        UUID("12345678123456781234567812345678"), b"text", b"\xff\x00", 2**70, "é", None,
    ]  # fmt: skip
    assert way.s("same", values).delay().get(timeout=10) == values


def test_models(way: Way) -> None:
    priced = way.s("priced", {"number": 2, "items": ["a"]}).delay()
    assert priced.get(timeout=10) == {"number": 4, "items": ["a"]}
    refused = way.s("priced", {"number": "two"}).delay()
    # Where pydantic is imported, Celery's client cannot make its exception, and names it in another.
    assert "ValidationError" in repr(refused.get(timeout=10, propagate=False))
