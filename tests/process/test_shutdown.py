"""The shutdown matrix: however a worker is stopped, each message is in exactly one place afterwards."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime import App
from runtime.results.async_result import AsyncResult
from tests.process.test_cli_refusals import runtime
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, ROOT, Worker

RUN = 1.0
"""Seconds that the running tasks take."""
GRACE = 0.3

WAITING = {"eta": ["queue"], "prefetched": ["queue"], "prefetched early": ["queue"]}
"""What had not started is back as it came."""
WARM = {"late": ["SUCCESS"], "early": ["SUCCESS"], **WAITING}
COLD = {"late": ["queue, redelivered"], "early": ["RETRY"], **WAITING}


def term(worker: Worker, server: Server) -> None:
    worker.signal(signal.SIGTERM)


def interrupt(worker: Worker, server: Server) -> None:
    worker.signal(signal.SIGINT)


def term_to_the_group(worker: Worker, server: Server) -> None:
    for pid in [worker.process.pid, *worker.children()]:
        os.kill(pid, signal.SIGTERM)


def term_twice(worker: Worker, server: Server) -> None:
    worker.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in worker.log(), 5)
    worker.signal(signal.SIGTERM)


def quit_at_once(worker: Worker, server: Server) -> None:
    worker.signal(signal.SIGQUIT)


def term_while_quiet(worker: Worker, server: Server) -> None:
    worker.signal(signal.SIGTSTP)
    wait_until(lambda: "quiet" in worker.log(), 5)
    worker.signal(signal.SIGTERM)


def term_while_redis_is_silent(worker: Worker, server: Server) -> None:
    server.pause()
    worker.signal(signal.SIGTERM)
    wait_until(lambda: worker.ended("late") and worker.ended("early"), 5)
    server.resume()


def quit_while_redis_is_silent(worker: Worker, server: Server) -> None:
    server.pause()
    worker.signal(signal.SIGQUIT)
    running = [int(line.split()[2]) for line in worker.effects()]
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in running), 5)
    server.resume()


@pytest.fixture
def busy(server: Server, tmp_path: Path, pool: str, options: tuple[str, ...]) -> Iterator[Worker]:
    """A worker that is to run two tasks, and to have more than that in its care."""
    with Worker(server.url(), tmp_path, "--prefetch-multiplier", "4", *options, pool=pool) as worker:
        yield worker


def send_all(app: App, worker: Worker, server: Server, pool: str = "prefork") -> dict[str, AsyncResult]:
    """One message of each kind, all in the worker's care."""
    prefix = "tests.support.app." + ("async_" if pool == "asyncio" else "")

    def send(task: str, name: str, seconds: float = 0.0, **options: Any) -> AsyncResult:
        return app.send_task(prefix + task, (name, seconds), **options)

    before = server.client.hlen("unacked")
    results = {
        "eta": send("mark", "eta", countdown=3600),
        "late": send("mark", "late", RUN),
        "early": send("early_mark", "early", RUN),
    }
    wait_until(lambda: worker.started("late") and worker.started("early"), 10)
    results["prefetched"] = send("mark", "prefetched")
    results["prefetched early"] = send("early_mark", "prefetched early")
    wait_until(lambda: server.client.hlen("unacked") == before + 4 and not server.client.llen("celery"), 5)
    return results


def places(server: Server, result: AsyncResult) -> list[str]:
    """Everywhere the message, or what came of it, is."""
    found = []
    for message in map(json.loads, server.client.lrange("celery", 0, -1)):
        if message["headers"]["id"] == result.id:
            found.append("queue, redelivered" if message["headers"].get("redelivered") else "queue")
    found += ["unacked" for value in server.client.hvals("unacked") if f'"{result.id}"'.encode() in value]
    return found + [result.state] * (result.state != "PENDING")


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    ("options", "stop", "expected"),
    [
        ((), term, WARM),
        ((), interrupt, WARM),
        ((), term_to_the_group, WARM),
        ((), term_while_quiet, WARM),
        ((), term_while_redis_is_silent, WARM),
        ((), term_twice, COLD),
        ((), quit_at_once, COLD),
        ((), quit_while_redis_is_silent, COLD),
        (("--grace", str(GRACE)), term, COLD),
    ],
    ids=lambda value: getattr(value, "__name__", None) or (" ".join(value) if type(value) is tuple else None),
)
def test_every_message_is_in_one_place_however_the_worker_stops(
    app: App,
    server: Server,
    busy: Worker,
    pool: str,
    stop: Callable[[Worker, Server], None],
    expected: dict[str, list[str]],
) -> None:
    sent = send_all(app, busy, server, pool)
    stop(busy, server)
    assert busy.wait() == 0
    assert {kind: places(server, result) for kind, result in sent.items()} == expected
    assert [line.split()[1] for line in busy.effects() if line.startswith("start")] in (
        ["late", "early"],
        ["early", "late"],
    )
    assert ("killed, as the worker stops: it runs again" in busy.log()) == (expected is COLD)
    assert ("acknowledged, so it does not run again" in busy.log()) == (expected is COLD)
    drained = stop not in (quit_at_once, quit_while_redis_is_silent)
    assert ("Waiting for the end of 2 tasks" in busy.log()) == drained
    assert not server.client.hlen("unacked")
    assert not server.client.zcard("unacked_index")
    # The dead worker's record stays for a while, to tell it so should it live; it goes by itself.
    assert not [key for key in server.client.keys("runtime.*") if server.client.ttl(key) < 0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_told_to_stop_while_the_app_is_imported(server: Server, tmp_path: Path, number: int) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import pathlib, time\nfrom runtime import App\napp = App('slow')\n"
        "pathlib.Path(__file__).with_name('begun').touch()\ntime.sleep(60)\n"
    )
    worker = Worker(server.url(), tmp_path, app="slow_app", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    wait_until((tmp_path / "begun").exists)
    worker.signal(number)
    assert worker.wait() == 0
    assert worker.log() == ""


@pytest.mark.parametrize(("verb", "file"), [("start", "--schedule-filename"), ("beat", "--schedule")])
def test_told_to_stop_where_what_a_handler_raises_is_dropped(
    server: Server, tmp_path: Path, verb: str, file: str
) -> None:
    (tmp_path / "deaf_app.py").write_text(
        "import os, signal, weakref\nfrom runtime import App\napp = App('deaf')\nkept = set()\n"
        "reference = weakref.ref(kept, lambda _: os.kill(os.getpid(), signal.SIGTERM))\ndel kept\n"
    )
    environment = {"RUNTIME_BROKER_URL": server.url(), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    ended = runtime("-A", "deaf_app", verb, file, str(tmp_path / "schedule"), **environment)
    assert "Exception ignored in" in ended.stderr
    assert ended.returncode == 0


def test_term_during_recovery_leaves_every_message_to_the_next_worker(
    app: App, server: Server, tmp_path: Path
) -> None:
    many = 10_000
    with Worker(server.url(), tmp_path, "--prefetch-multiplier", "4") as worker:
        app.send_many(app.signature("tests.support.app.add", (1, 1)).set(countdown=3600) for _ in range(many))
        wait_until(lambda: server.client.hlen("unacked") == many, 10)
        sent = send_all(app, worker, server)
        (dead,) = server.client.zrange("runtime.workers", 0, -1)
        worker.process.kill()
        worker.process.wait()
        worker.again(wait=False)
        wait_until(lambda: server.client.llen("celery"), 10, interval=0.001)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert server.client.hlen("unacked") > many / 10, (
            "it had recovered nearly all before it was told to stop"
        )
        assert server.client.llen("celery") + server.client.hlen("unacked") == many + 4
        del sent["early"]
        assert [len(places(server, result)) for result in sent.values()] == [1] * 4
        worker.again()
        for name in ("late", "prefetched", "prefetched early"):
            assert sent[name].get(timeout=30) == name
        wait_until(
            lambda: not server.client.zscore("runtime.workers", dead) and not server.client.llen("celery"), 5
        )
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert server.client.llen("celery") == many + 1
    assert not server.client.hlen("unacked")
    # The dead worker's record stays for a while, to tell it so should it live; it goes by itself.
    assert not [key for key in server.client.keys("runtime.*") if server.client.ttl(key) < 0]
