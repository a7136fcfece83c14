"""Rate limits of tasks, as a client sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import App
from runtime.errors import TaskRevokedError
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, Worker

TASKS = "tests.support.app."


@pytest.fixture
def own(worker: Worker, app: App) -> App:
    wait_until(app.control.ping)
    return app


def limit(app: App, task: str, rate: str | float | None) -> dict[str, str]:
    ((answer,),) = (each.values() for each in app.control.rate_limit(TASKS + task, rate, reply=True))
    return answer  # type: ignore[no-any-return]


def send(app: App, task: str, count: int, *args: object) -> list[AsyncResult]:
    return [app.send_task(TASKS + task, args) for _ in range(count)]


@pytest.mark.parametrize("pool", [*POOLS, "solo"])
def test_tasks_start_no_more_often_and_do_not_hold_up_others(own: App, pool: str) -> None:
    assert limit(own, "when", "4/s") == {"ok": "new rate limit set successfully"}
    limited = send(own, "when", 13, "paced")
    for result in send(own, "add", 20, 1, 2):
        assert result.get(timeout=10) == 3
    assert not limited[-1].ready()
    starts = [result.get(timeout=10) for result in limited]
    assert starts == sorted(starts)
    assert 2.9 < starts[-1] - starts[0] < 6


def test_what_waits_is_shown_and_can_be_revoked_and_expires(own: App, worker: Worker) -> None:
    limit(own, "when", "6/m")
    asked = own.control.inspect(worker.node)
    assert TASKS + "when [rate_limit=6/m]" in asked.registered()
    first, *rest = send(own, "when", 4, "x")
    expiring = own.send_task(TASKS + "when", ["x"], expires=1)
    assert first.get(timeout=5)
    wait_until(lambda: len(asked.scheduled()) >= 3)
    shown = asked.query_task([result.id for result in rest])
    assert {state for state, _ in shown.values()} == {"scheduled"}
    with pytest.raises(TaskRevokedError, match="expired"):
        expiring.get(timeout=5)
    own.control.revoke(rest[0].id)
    with pytest.raises(TaskRevokedError, match="revoked"):
        rest[0].get(timeout=5)
    # Its turn is the next one's now; and without a limit the last one need not wait either.
    limit(own, "when", "20/s")
    assert [result.get(timeout=15) for result in rest[1:]]
    assert limit(own, "when", 0) == {"ok": "rate limit disabled successfully"}


def test_a_worker_that_stops_gives_them_back(own: App, worker: Worker, server: Server) -> None:
    limit(own, "mark", "1/s")
    results = send(own, "mark", 5, "again")
    assert results[0].get(timeout=5) == "again"
    worker.signal(15)
    assert worker.wait() == 0
    assert 3 <= server.client.llen("celery") <= 4
    assert not server.client.exists("unacked")


@pytest.mark.parametrize("disabled", ["false", "true"])
def test_a_limit_for_all_tasks_and_none_for_any(
    server: Server, tmp_path: Path, app: App, disabled: str
) -> None:
    settings = f'{{"task_default_rate_limit": "2/m", "worker_disable_rate_limits": {disabled}}}'
    with Worker(server.url(), tmp_path, env={"SETTINGS": settings}):
        first, second = send(app, "add", 2, 1, 1)
        assert first.get(timeout=5) == 2
        if disabled == "true":
            assert second.get(timeout=5) == 2
            assert "disabled" in wait_until(lambda: limit(app, "add", "1/s"))["error"]
        else:
            wait_until(lambda: app.control.ping() and app.control.inspect().scheduled())
            assert not second.ready()
