"""`async def` tasks in a real worker."""

from __future__ import annotations

import pytest
from billiard.exceptions import TimeLimitExceeded

from runtime import App
from tests.process.test_outcomes import send
from tests.support.worker import Worker


def test_results_and_retries_and_the_started_state(app: App, worker: Worker) -> None:
    assert send(app, "async_mark", "a").get(timeout=10) == "a"
    assert send(app, "async_flaky", "f", 1).get(timeout=10) == 1
    assert worker.effects()[2:] == ["try f 0", "state f STARTED", "try f 1", "state f STARTED"]


@pytest.mark.parametrize("how", ["sleep", "gather", "spin"])
def test_the_soft_limit_is_raised_where_it_waits_or_computes(app: App, worker: Worker, how: str) -> None:
    assert send(app, "async_soft_limited", how).get(timeout=10) == "cleaned up"


def test_the_soft_limit_is_never_lost_in_the_event_loop(app: App, worker: Worker) -> None:
    """Tasks that spend most of their time in asyncio's own code."""
    ends = [send(app, "async_soft_limited", "steps", soft_time_limit=0.05) for _ in range(20)]
    assert [end.get(timeout=30) for end in ends] == ["cleaned up"] * 20


def test_the_hard_limit(app: App, worker: Worker) -> None:
    with pytest.raises(TimeLimitExceeded):
        send(app, "async_hard_limited", "sleep").get(timeout=10)
    assert send(app, "add", 1, 1).get(timeout=10) == 2
