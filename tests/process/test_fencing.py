"""A worker that was away for longer than its lease, and comes back (P4, P5)."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from runtime import App
from runtime.results.async_result import AsyncResult
from tests.support.probes import probe, samples
from tests.support.proxy import Proxy
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, WIDE, Worker

LEASE = 0.8
SETTINGS = {"SETTINGS": json.dumps({"worker_lease": LEASE})}


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"tests.support.app.{name}", args, **options)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(worker: Worker, name: str) -> int:
    """Of the child that started it first."""
    return next(int(line.split()[2]) for line in worker.effects() if line.startswith(f"start {name} "))


@pytest.mark.parametrize("pool", POOLS)
def test_a_frozen_worker_comes_back_as_somebody_new(
    app: App, server: Server, tmp_path: Path, place: Path, pool: str
) -> None:
    """What it had is redone elsewhere meanwhile: it stops that, settles nothing, and goes on."""
    prefix = "async_" if pool == "asyncio" else ""
    options = ("--prefetch-multiplier", "4", "--http", f"unix:{place}")
    with Worker(server.url(), tmp_path, *options, env=SETTINGS, pool=pool) as frozen:
        late = send(app, f"{prefix}mark", "late", 5.0)
        early = send(app, f"{prefix}early_mark", "early", 5.0)
        waiting = [send(app, "mark", f"w{n}") for n in range(4)]
        soon = send(app, "mark", "soon", countdown=1)
        wait_until(lambda: frozen.started("late") and frozen.started("early"), 5)
        wait_until(lambda: server.client.hlen("unacked") == 6, 5)
        frozen.freeze()
        child, began = pid_of(frozen, "late"), time.monotonic()
        with Worker(server.url(), tmp_path, name="w2", env=SETTINGS) as other:
            wait_until(lambda: other.started("late") == 2, 10)
            assert [result.get(timeout=10) for result in waiting] == ["w0", "w1", "w2", "w3"]
            assert soon.get(timeout=10) == "soon"
            wait_until(lambda: time.monotonic() - began > 3 * LEASE)
            frozen.thaw()
            # In a wide child, what is acknowledged goes on beside it.
            wait_until(lambda: pool in WIDE or not runs(child), 2)
            assert frozen.ended("late") == 0
            assert early.get(timeout=10) == "early"
            assert late.get(timeout=10) == "late"
            other.signal(signal.SIGTERM)
            assert other.wait() == 0
        assert "other workers have our messages" in frozen.log()
        assert "1 settlement came too late" in frozen.log()
        assert samples(probe(place, "/metrics").body)["runtime_fenced_settlements_total"] == 1
        assert send(app, "mark", "new").get(timeout=10) == "new"
        frozen.signal(signal.SIGTERM)
        assert frozen.wait() == 0
    for name, times in {"late": 2, "early": 1, "soon": 1, "w0": 1, "w3": 1, "new": 1}.items():
        assert (name, frozen.started(name)) == (name, times)
    assert frozen.ended("late") == frozen.ended("early") == 1
    assert server.client.exists("unacked", "unacked_index", "celery") == 0


def test_a_worker_that_stood_still_in_the_middle_of_a_turn_begins_nothing_of_others(
    app: App, server: Server, tmp_path: Path
) -> None:
    held_until = tmp_path / "held until"
    env = {**SETTINGS, "STEPS": "held-up", "HELD_UNTIL": str(held_until)}
    with (
        Worker(server.url(), tmp_path, app="tests.support.steps_app", slots=8, env=env) as held_up,
        Worker(server.url(), tmp_path, name="w2", env=SETTINGS) as other,
    ):
        other.signal(signal.SIGTSTP)
        wait_until(lambda: "quiet" in other.log(), 5)
        names = [f"m{n}" for n in range(8)]
        results = app.send_many(app.signature("tests.support.app.mark", (name,)) for name in names)
        wait_until(lambda: server.client.hlen("unacked"), 5)
        wait_until(lambda: not server.client.hlen("unacked"), 10)
        other.signal(signal.SIGCONT)
        assert [result.get(timeout=10) for result in results] == names
        held_until.touch()
        wait_until(lambda: "other workers have our messages" in held_up.log(), 10)
        assert send(app, "mark", "new").get(timeout=10) == "new"
        assert [held_up.started(name) for name in names] == [1] * 8


def test_a_worker_cut_off_for_longer_than_its_lease_starts_nothing(
    app: App, server: Server, tmp_path: Path
) -> None:
    """Others have what waits in it: they can reach the server."""
    with (
        Proxy(server) as proxy,
        Worker(proxy.url(), tmp_path, "--prefetch-multiplier", "9", slots=1, env=SETTINGS) as cut_off,
    ):
        results = [send(app, "mark", f"m{n}", 0.5) for n in range(9)]
        wait_until(lambda: cut_off.started("m0") and server.client.hlen("unacked") == 9, 5)
        proxy.silence()
        with Worker(server.url(), tmp_path, name="w2", env=SETTINGS):
            assert [result.get(timeout=20) for result in results] == [f"m{n}" for n in range(9)]
            proxy.resume()
            wait_until(lambda: "other workers have our messages" in cut_off.log(), 10)
            assert send(app, "mark", "new").get(timeout=10) == "new"
        # What ran or began before the lease ended was run again, and nothing that was behind it.
        assert not [n for n in range(4, 9) if cut_off.started(f"m{n}") > 1]
        wait_until(lambda: send(app, "mark", "last").get(timeout=5) == "last", 10)
