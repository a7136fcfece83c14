"""`async def` tasks in a real worker, of each kind of pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded

from pools.registry import KINDS
from runtime import App
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.worker import Worker

Start = Callable[[str], Worker]
APP = "tests.support.async_app"

WITH_HARD_LIMITS = [kind for kind in KINDS if kind != "solo"]
WHERE_SPINNING_CAN_BE_STOPPED = [kind for kind in KINDS if kind != "gevent"]
"""A greenlet can only be interrupted where it waits for its coroutine."""


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"{APP}.{name}", args, **options)


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """A worker of that kind."""
    with ExitStack() as workers:
        yield lambda kind: workers.enter_context(
            Worker(server.url(), tmp_path, "--pool", kind, app=APP, slots=1 if kind == "solo" else 2)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_results_and_retries_and_the_started_state(app: App, start: Start, kind: str) -> None:
    worker = start(kind)
    assert send(app, "mark", "a").get(timeout=10) == "a"
    assert send(app, "flaky", "f", 1).get(timeout=10) == 1
    assert worker.effects()[2:] == ["try f 0", "state f STARTED", "try f 1", "state f STARTED"]
    assert send(app, "add", 1, 1).get(timeout=10) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_waits_for_another_only_if_it_is_allowed_to(app: App, start: Start, kind: str) -> None:
    start(kind)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["sleep", "gather"])
def test_the_soft_limit_is_raised_where_it_waits(app: App, start: Start, kind: str, how: str) -> None:
    start(kind)
    assert send(app, "soft_limited", how).get(timeout=10) == "cleaned up"


@pytest.mark.parametrize("kind", WHERE_SPINNING_CAN_BE_STOPPED)
def test_the_soft_limit_is_raised_where_it_computes(app: App, start: Start, kind: str) -> None:
    start(kind)
    assert send(app, "soft_limited", "spin").get(timeout=10) == "cleaned up"


@pytest.mark.parametrize("kind", KINDS)
def test_the_soft_limit_is_never_lost_in_the_event_loop(app: App, start: Start, kind: str) -> None:
    """Tasks that spend most of their time in asyncio's own code."""
    start(kind)
    ends = [send(app, "soft_limited", "steps", soft_time_limit=0.05) for _ in range(20)]
    assert [end.get(timeout=30) for end in ends] == ["cleaned up"] * 20


@pytest.mark.parametrize("kind", WITH_HARD_LIMITS)
def test_the_hard_limit(app: App, start: Start, kind: str) -> None:
    start(kind)
    with pytest.raises(TimeLimitExceeded):
        send(app, "hard_limited", "sleep").get(timeout=10)
    assert send(app, "add", 1, 1).get(timeout=10) == 2
