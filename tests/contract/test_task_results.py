"""What every result of a task promises: of one that a worker has run, and of one that was run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from runtime import App, AsyncResult
from runtime.results.eager_result import EagerResult
from tests.support.servers import Server


@pytest.fixture
def app(server: Server) -> Iterator[App]:
    url = server.url()
    app = App("t", broker=url, backend=url, task_store_eager_result=True, set_as_current=False)

    @app.task(name="double")
    def double(n: int) -> int:
        return 2 * n

    yield app
    app.close()


@pytest.fixture(params=["eager", "stored"])
def results(request: pytest.FixtureRequest, app: App) -> list[AsyncResult]:
    """Of a task that has returned 4, and of one that has raised TypeError."""
    eager = [app.tasks["double"].apply((2,)), app.tasks["double"].apply((None,))]
    assert all(isinstance(each, EagerResult) for each in eager)
    return [app.AsyncResult(each.id) for each in eager] if request.param == "stored" else [*eager]


def test_results_of_tasks(results: list[AsyncResult]) -> None:
    good, bad = results
    assert (good.state, good.status, good.result, good.get(timeout=5)) == ("SUCCESS", "SUCCESS", 4, 4)
    assert good.ready()
    assert good.successful()
    assert not good.failed()
    assert (good.traceback, good.children, good.parent) == (None, [], None)
    assert good.date_done is not None
    assert good.as_tuple() == [[good.id, None], None]
    assert (bad.state, bad.failed(), type(bad.result)) == ("FAILURE", True, TypeError)
    assert "TypeError" in (bad.traceback or "")
    assert isinstance(bad.get(timeout=5, propagate=False), TypeError)
    with pytest.raises(TypeError):
        bad.get(timeout=5)
    assert asyncio.run(good.aget(timeout=5)) == 4
    good.forget()


def test_in_groups(app: App, results: list[AsyncResult]) -> None:
    whole = app.GroupResult("g", results)
    assert (whole.ready(), whole.failed(), whole.completed_count()) == (True, True, 1)
    assert whole.get(timeout=5, propagate=False)[0] == 4
