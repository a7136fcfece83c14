"""`async def` tasks in a real worker, of each kind of pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded

from pools.registry import KINDS
from runtime import App
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.worker import Worker

APP = "tests.support.async_app"

WITH_HARD_LIMITS = [kind for kind in KINDS if kind != "solo"]
WHERE_SPINNING_CAN_BE_STOPPED = [kind for kind in KINDS if kind != "gevent"]
"""A greenlet can only be interrupted where it waits for its coroutine."""


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"{APP}.{name}", args, **options)


@pytest.fixture
def server(shared_server: Server) -> Server:
    """Not emptied: the worker's own keys stay."""
    return shared_server


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def worker(shared_server: Server, tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Worker]:
    """One of each kind: what a limit interrupts must not harm the next task."""
    slots = 1 if kind == "solo" else 2
    directory = tmp_path_factory.mktemp("worker")
    with Worker(shared_server.url(), directory, app=APP, pool=kind, slots=slots) as worker:
        yield worker


def test_results_and_retries_and_the_started_state(app: App, worker: Worker) -> None:
    assert send(app, "mark", "a").get(timeout=10) == "a"
    assert send(app, "flaky", "f", 1).get(timeout=10) == 1
    tries = [line for line in worker.effects() if line.split()[1] == "f"]
    assert tries == ["try f 0", "state f STARTED", "try f 1", "state f STARTED"]
    assert send(app, "add", 1, 1).get(timeout=10) == 2


@pytest.mark.usefixtures("worker")
def test_a_task_waits_for_another_only_if_it_is_allowed_to(app: App, kind: str) -> None:
    refused: list[tuple[Any, ...]] = [
        ("block_for",),
        ("wait_for", "get"),
        ("wait_for", "join"),
        ("wait_for", "collect"),
    ]
    for call in refused if kind != "gevent" else ():
        with pytest.raises(RuntimeError, match="never wait for a result in a task"):
            send(app, *call).get(timeout=10)
    allowed: list[tuple[Any, ...]] = [("wait_for", "sure"), ("wait_for", "allowed"), ("delegate", 1)]
    for call in allowed if kind != "solo" else ():
        assert send(app, *call).get(timeout=10) == 2
    if kind == "gevent":
        assert send(app, "wait_for", "get").get(timeout=10) == 2


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", ["sleep", "gather"])
def test_the_soft_limit_is_raised_where_it_waits(app: App, how: str) -> None:
    assert send(app, "soft_limited", how).get(timeout=10) == "cleaned up"


@pytest.mark.parametrize("kind", WHERE_SPINNING_CAN_BE_STOPPED, scope="module")
@pytest.mark.usefixtures("worker")
def test_the_soft_limit_is_raised_where_it_computes(app: App) -> None:
    assert send(app, "soft_limited", "spin").get(timeout=10) == "cleaned up"


@pytest.mark.usefixtures("worker")
def test_the_soft_limit_is_never_lost_in_the_event_loop(app: App) -> None:
    """Tasks that spend most of their time in asyncio's own code."""
    ends = [send(app, "soft_limited", "steps", soft_time_limit=0.05) for _ in range(20)]
    assert [end.get(timeout=30) for end in ends] == ["cleaned up"] * 20


@pytest.mark.parametrize("kind", WITH_HARD_LIMITS, scope="module")
@pytest.mark.usefixtures("worker")
def test_the_hard_limit(app: App) -> None:
    with pytest.raises(TimeLimitExceeded):
        send(app, "hard_limited", "sleep").get(timeout=10)
    assert send(app, "add", 1, 1).get(timeout=10) == 2
