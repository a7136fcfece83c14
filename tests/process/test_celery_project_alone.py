"""An unmodified Celery app in our worker: each pool, and what is not as in Celery's worker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery import Celery, chord, group
from celery.exceptions import NotRegistered, TaskRevokedError

from brokers.envelope import build
from tests.support.celery_calls import APP, Calls, connected
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


@pytest.fixture
def start(shared_server: Server, tmp_path: Path) -> Iterator[Any]:
    """Starts a worker of the project, with further options; calls of its tasks."""
    shared_server.client.flushall()
    with ExitStack() as workers, connected(shared_server.url()) as client:

        def start(**options: Any) -> Calls:
            env = {"CELERY_URL": shared_server.url(), **options.pop("env", {})}
            worker = Worker(shared_server.url(), tmp_path, app=APP, env=env, **options)
            workers.enter_context(worker)
            return Calls(client, worker.effects_file)

        yield start


@pytest.mark.parametrize("pool", ["threads", "gevent", "asyncio", "solo"])
def test_in_the_other_pools(start: Any, pool: str) -> None:
    call = start(pool=pool, slots=1 if pool == "solo" else 4)
    parts = group([call.add(index, index) for index in range(5)], app=call.client)
    assert chord(parts, call.tsum(), app=call.client).delay().get(timeout=10) == 20
    assert call.hooked("h", failing=1).delay().get(timeout=10) == "h"
    began = time.monotonic()
    waiting = [call.slow(str(index), 0.5).delay() for index in range(1 if pool == "solo" else 4)]
    assert [each.get(timeout=10) for each in waiting] == [str(index) for index in range(len(waiting))]
    assert time.monotonic() - began < 1.9  # seconds; one after the other: 2
    limited = call.slow("limited", 3).apply_async(soft_time_limit=0.5)
    with pytest.raises(SoftTimeLimitExceeded):
        limited.get(timeout=10)


def test_a_late_task_whose_process_died_runs_again(start: Any, tmp_path: Path) -> None:
    call = start()
    assert "no effect here: worker_timer_precision" in (tmp_path / "w1.log").read_text()
    assert call.deadly("d").delay().get(timeout=10) is None
    assert len([line for line in call.effects() if line.startswith("start d ")]) == 2


def test_how_often_a_process_may_die(start: Any) -> None:
    """By our setting, and by the task's own option."""
    call = start(env={"CELERY_SETTINGS": json.dumps({"task_max_deliveries": 1})})
    assert call.deadly_twice("t").delay().get(timeout=10) is None
    with pytest.raises(WorkerLostError, match=r"its process died: exit code 1$"):
        call.deadly("d").delay().get(timeout=10)
    assert len([line for line in call.effects() if line.startswith("start d ")]) == 1


def test_a_result_store_other_than_redis(start: Any, shared_server: Server, tmp_path: Path) -> None:
    store = f"file://{tmp_path}"
    call = start(env={"CELERY_SETTINGS": json.dumps({"result_backend": store})})
    url = call.client.conf.broker_url
    with Celery("elsewhere", broker=url, backend=store, set_as_current=False) as client:
        elsewhere = Calls(client, tmp_path)
        assert elsewhere.add(2, 3).delay().get(timeout=10) == 5
        with pytest.raises(ValueError, match="wrong"):
            elsewhere.fail().delay().get(timeout=10)
        # What the supervisor sees end, a child is told to store.
        limited = elsewhere.bounded(5).apply_async(link_error=elsewhere.errback())
        with pytest.raises(TimeLimitExceeded):
            limited.get(timeout=10)
        with pytest.raises(TaskRevokedError, match="expired"):
            elsewhere.add(1, 1).apply_async(expires=datetime.now(UTC) - timedelta(seconds=1)).get(timeout=10)
        with pytest.raises(NotRegistered):
            elsewhere.no_such_task().delay().get(timeout=10)
        headers, info = {"task": f"{APP}.add", "id": "worn out"}, {"restores": 21}
        shared_server.client.lpush("celery", build(b"[[1, 1], {}, {}]", headers, {"delivery_info": info}))
        with pytest.raises(WorkerLostError, match="its worker died 21 times"):
            client.AsyncResult("worn out").get(timeout=10)
        wait_until(lambda: any(line.startswith("errback TimeLimit") for line in call.effects()))
        running = elsewhere.slow("terminated", 30).delay()
        wait_until(lambda: running.state == "STARTED")
        client.control.revoke(running.id, terminate=True)
        with pytest.raises(TaskRevokedError, match="terminated"):
            running.get(timeout=10)
