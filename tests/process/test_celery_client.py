"""An unmodified Celery 5.7 client drives our worker; our client drives an unmodified Celery worker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import celery.exceptions
import pytest
from billiard.exceptions import TimeLimitExceeded
from celery import Celery

import runtime
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


@pytest.fixture
def client(server: Server) -> Iterator[Celery]:
    url = server.url()
    app = Celery("client", broker=url, backend=url, set_as_current=False)
    yield app
    app.close()
    app.backend.result_consumer.stop()
    app.backend.client.close()


@pytest.fixture
def worker(server: Server, tmp_path: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path) as worker:
        yield worker


def send(client: Celery, name: str, *args: object, **options: Any) -> Any:
    return client.send_task(f"tests.support.app.{name}", args, **options)


def test_results_and_exceptions_reach_a_celery_client(client: Celery, worker: Worker) -> None:
    @client.task(name="tests.support.app.add", shared=False)
    def add(x: int, y: int) -> None: ...

    assert add.delay(2, 8).get(timeout=10) == 10
    assert add.apply_async((1,), {"y": 2}).get(timeout=10) == 3
    assert send(client, "late_add", 2, 3).get(timeout=10) == 5

    failed = send(client, "fail", "wrong")
    with pytest.raises(ValueError, match="wrong") as caught:
        failed.get(timeout=10)
    assert caught.value.args == ("wrong", 7)
    assert failed.state == "FAILURE"
    assert failed.traceback.startswith("Traceback (most recent call last):")
    assert failed.traceback.rstrip().endswith("ValueError: ('wrong', 7)")

    with pytest.raises(Exception, match="own") as made_up:
        send(client, "fail_custom").get(timeout=10)
    assert type(made_up.value).__name__ == "Custom"


def test_typed_values_travel_both_ways(client: Celery, worker: Worker) -> None:
    moment = datetime(2026, 11, 22, 15, 0, 31, 650073, tzinfo=UTC)
    identity = uuid.UUID("12345678123456781234567812345678")
    assert send(client, "echo", [moment, identity, Decimal("1.10"), b"raw"]).get(timeout=10) == [
        moment, identity, Decimal("1.10"), b"raw",
    ]  # fmt: skip


def test_countdown_and_eta(client: Celery, worker: Worker) -> None:
    due = time.time() + 1.5
    by_countdown = send(client, "when", "countdown", countdown=1.5)
    by_eta = send(client, "when", "eta", eta=datetime.now(UTC) + timedelta(seconds=1.5))
    for started in (by_countdown.get(timeout=10), by_eta.get(timeout=10)):
        assert due - 0.01 <= started < due + 1


def test_expired_tasks_are_revoked(client: Celery, worker: Worker) -> None:
    result = send(client, "add", 1, 1, expires=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(celery.exceptions.TaskRevokedError):
        result.get(timeout=10)
    assert result.state == "REVOKED"


def test_fixed_forms_of_failure(client: Celery, worker: Worker) -> None:
    with pytest.raises(celery.exceptions.NotRegistered):
        send(client, "no_such_task").get(timeout=10)
    with pytest.raises(TimeLimitExceeded):
        send(client, "hard_limited", "sleep").get(timeout=10)
    with pytest.raises(celery.exceptions.MaxRetriesExceededError):
        send(client, "always_retry").get(timeout=10)
    with pytest.raises(Exception, match="not JSON") as unencodable:
        send(client, "unencodable").get(timeout=10)
    assert type(unencodable.value).__name__ == "EncodeError"


def test_links_and_chains_of_a_celery_client_are_followed(client: Celery, worker: Worker) -> None:
    @client.task(name="tests.support.app.add", shared=False)
    def add(x: int, y: int) -> None: ...

    assert (add.s(1, 2) | add.s(10) | add.s(100)).delay().get(timeout=10) == 113
    mark = client.signature("tests.support.app.mark")
    add.apply_async((1, 1), link=mark)
    wait_until(lambda: "end 2" in worker.effects(), 10)


@pytest.fixture
def celery_worker(server: Server, tmp_path: Path) -> Iterator[CeleryWorker]:
    with CeleryWorker(server.url(), tmp_path, slots=1) as worker:
        yield worker


def test_our_client_drives_a_celery_worker(server: Server, celery_worker: CeleryWorker) -> None:
    app = runtime.App("client", broker=server.url(), backend=server.url())

    @app.task(name="tests.support.app.add")
    def add(x: float, y: float) -> float:
        raise AssertionError("runs elsewhere")

    assert add.delay(2, 8).get(timeout=10) == 10
    due = time.time() + 1
    assert add.apply_async((1, 1), countdown=1).get(timeout=10) == 2
    assert time.time() >= due
    failed = app.send_task("tests.support.app.fail", ("wrong",))
    with pytest.raises(ValueError, match="wrong") as caught:
        failed.get(timeout=10)
    assert caught.value.args == ("wrong", 7)
    assert failed.state == "FAILURE"
    with pytest.raises(Exception, match="own"):
        app.send_task("tests.support.app.fail_custom").get(timeout=10)
    app.close()
