"""A worker is told to stop while Redis is away: it stops soon, and no message is lost (P9)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.support.proxy import Proxy
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

RUN = 1.0
"""Seconds that the running tasks take."""
BOUND = 10 + 5 + 3
"""Seconds after the last end: the time that Redis gets to come back, that to close, and some to spare."""


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """One that keeps its data through a kill."""
    with Server(shared_server.flavour, aof=True) as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


def killed(server: Server, proxy: Proxy) -> None:
    server.kill()


def started(server: Server, proxy: Proxy) -> None:
    server.start()


def frozen(server: Server, proxy: Proxy) -> None:
    server.pause()


def thawed(server: Server, proxy: Proxy) -> None:
    server.resume()


def silent(server: Server, proxy: Proxy) -> None:
    proxy.silence()


def resumed(server: Server, proxy: Proxy) -> None:
    proxy.resume()


Change = Callable[[Server, Proxy], None]


def fill(app: App, worker: Worker, server: Server) -> None:
    """Two tasks run, and more than that is in the worker's care."""
    app.send_task("tests.support.app.mark", ("late", RUN))
    app.send_task("tests.support.app.early_mark", ("early", RUN))
    wait_until(lambda: worker.started("late") and worker.started("early"), 10)
    app.send_task("tests.support.app.mark", ("prefetched",))
    app.send_task("tests.support.app.mark", ("eta",), countdown=2)
    wait_until(lambda: server.client.hlen("unacked") == 3 and not server.client.llen("celery"), 5)


@pytest.mark.parametrize(
    ("broken", "mended"),
    [(killed, started), (frozen, thawed), (silent, resumed)],
    ids=lambda change: change.__name__,
)
def test_stops_although_redis_does_not_come_back(
    app: App, server: Server, proxy: Proxy, tmp_path: Path, broken: Change, mended: Change
) -> None:
    with Worker(proxy.url(), tmp_path, "--prefetch-multiplier", "4") as worker:
        fill(app, worker, server)
        broken(server, proxy)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: worker.ended("late") and worker.ended("early"), 10)
        ended = time.monotonic()
        assert worker.wait(BOUND) == 0
        assert time.monotonic() - ended > 10, "Redis had time to come back"
        assert "The broker has not confirmed" in worker.log()
        assert "celery-task-meta-" in worker.log(), "the early one's result"
        assert (worker.started("prefetched"), worker.started("eta")) == (0, 0)
        mended(server, proxy)
        worker.again()
        wait_until(lambda: worker.ended("prefetched") and worker.ended("eta"), 15)
        wait_until(lambda: not server.client.hlen("unacked") and not server.client.llen("celery"), 15)
        assert worker.started("late") in (1, 2), "it had ended, but nobody could be told"
        counts = [worker.started(name) for name in ("early", "prefetched", "eta")]
        assert counts == [1, 1, 1]


@pytest.mark.parametrize("broken", [killed, frozen, silent], ids=lambda change: change.__name__)
def test_stops_while_it_waits_for_its_first_connection(
    server: Server, proxy: Proxy, tmp_path: Path, broken: Change
) -> None:
    broken(server, proxy)
    worker = Worker(proxy.url(), tmp_path, "--http", f"unix:{server.directory}/http")
    wait_until((server.directory / "http").exists)
    worker.signal(signal.SIGTERM)
    assert worker.wait(2) == 0


def test_waits_until_redis_has_come_back(app: App, server: Server, proxy: Proxy, tmp_path: Path) -> None:
    with Worker(proxy.url(), tmp_path, "--prefetch-multiplier", "4") as worker:
        fill(app, worker, server)
        server.kill()
        worker.signal(signal.SIGTERM)
        wait_until(lambda: worker.ended("late") and worker.ended("early"), 10)
        server.start()
        assert worker.wait(BOUND) == 0
        assert "not confirmed" not in worker.log()
        assert server.client.hlen("unacked") == 0
        messages = map(json.loads, server.client.lrange("celery", 0, -1))
        assert sorted(message["headers"]["argsrepr"] for message in messages) == [
            "('eta',)",
            "('prefetched',)",
        ]
        assert len(server.client.keys("celery-task-meta-*")) == 2


@pytest.mark.parametrize("broken", [killed, silent], ids=lambda change: change.__name__)
def test_gives_up_after_the_total_limit_although_a_task_runs(
    app: App, server: Server, proxy: Proxy, tmp_path: Path, broken: Change
) -> None:
    settings = {"SETTINGS": json.dumps({"broker_connection_timeout_total": 1})}
    with Worker(proxy.url(), tmp_path, env=settings) as worker:
        app.send_task("tests.support.app.mark", ("long", 60))
        wait_until(lambda: worker.started("long"), 5)
        broken(server, proxy)
        given_up = wait_until(lambda: "given up" in worker.log() and time.monotonic(), 5 + 5)
        assert worker.wait(BOUND) == 5
        assert time.monotonic() - given_up < 5 + 5 + 2
