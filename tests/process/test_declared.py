"""What tasks declare of themselves: automatic retries, handlers, models; in a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.support.declared_app import Order, priced
from tests.support.servers import Server
from tests.support.worker import Worker

APP = "tests.support.declared_app"


@pytest.fixture(params=["prefork", "asyncio"])
def worker(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path, app=APP, pool=request.param) as worker:
        yield worker


def test_handlers_and_automatic_retries(app: App, worker: Worker) -> None:
    assert app.send_task(f"{APP}.succeeds", (1,)).get(timeout=10) == 2
    expected = [f"before_start {APP}.succeeds [1] {{}}", "on_success 2", "after_return SUCCESS 2 True"]
    assert worker.effects() == expected
    assert "on_success failed" in worker.log()

    assert app.send_task(f"{APP}.succeeds_later", kwargs={"x": 1}).get(timeout=10) == 2
    expected += [f"before_start {APP}.succeeds_later [] {{'x': 1}}", *expected[1:3]]
    assert worker.effects() == expected

    begun = f"before_start {APP}.fails ['flaky'] {{}}"
    assert app.send_task(f"{APP}.fails", ("flaky",)).get(timeout=10) == 1
    expected += [begun, "on_retry KeyError('flaky') 0", begun, "on_success 1", "after_return SUCCESS 1 True"]
    assert worker.effects() == expected

    with pytest.raises(KeyError, match="always"):
        app.send_task(f"{APP}.fails", ("always",)).get(timeout=10)
    assert [line for line in worker.effects()[len(expected) :] if not line.startswith("before_start")] == [
        "on_retry KeyError('always') 0",
        "on_retry KeyError('always') 1",
        "on_failure KeyError('always') KeyError True",
        "after_return FAILURE KeyError('always') False",
    ]
    with pytest.raises(IndexError):
        app.send_task(f"{APP}.fails", ("index",)).get(timeout=10)
    with pytest.raises(KeyError, match="1"):
        app.send_task(f"{APP}.fails_later").get(timeout=10)


def test_models_are_sent_as_what_they_hold(server: Server, worker: Worker, app: App) -> None:
    order = Order(number=2, items=["a"])
    priced.app.conf.update(broker_url=server.url(), result_backend=server.url())
    doubled = {"number": 4, "items": ["a", "b"]}
    assert priced.delay(order, note="b").get(timeout=10) == doubled
    assert priced.s(note="b").delay(order).get(timeout=10) == doubled
    assert (
        app.send_task(priced.name, ({"number": 2, "items": ["a"]},), {"note": "b"}).get(timeout=10) == doubled
    )
    with pytest.raises(Exception, match="validation error"):
        app.send_task(priced.name, ({"number": "two"},)).get(timeout=10)
    priced.app.close()
