"""Messages in a worker's care: acknowledgement, ETA, queues, priorities, stop."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from runtime import App
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, WIDE, Worker


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"tests.support.app.{name}", args, **options)


def runs(pid: int) -> bool:
    """A zombie, which nobody has reaped yet, does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def in_queue(server: Server, queue: str = "celery") -> list[str]:
    """Task ids in the order in which they would be taken."""
    messages = server.client.lrange(queue, 0, -1)
    return [json.loads(message)["headers"]["id"] for message in reversed(messages)]


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_early_ack_leaves_unacked_when_the_task_starts_late_ack_when_it_ends(
    app: App, server: Server, worker: Worker, pool: str
) -> None:
    send(app, "early_mark", "early", 2.0)
    wait_until(lambda: worker.started("early") and not server.client.hlen("unacked"), 5)
    assert worker.ended("early") == 0
    send(app, "mark", "late", 1.0)
    wait_until(lambda: worker.started("late"), 5)
    assert server.client.hlen("unacked") == server.client.zcard("unacked_index") == 1
    wait_until(lambda: worker.ended("late") and not server.client.hlen("unacked"), 5)


@pytest.mark.parametrize("pool", WIDE)
def test_a_messages_way_in_every_pool(app: App, server: Server, worker: Worker, pool: str) -> None:
    """What the other tests here show one by one for prefork."""
    prefix = "async_" if pool == "asyncio" else ""
    due = time.time() + 2.5
    held = [send(app, "when", str(n), countdown=2.5) for n in range(20)]
    early = send(app, f"{prefix}early_mark", "early", 0.5)
    wait_until(lambda: worker.started("early") and server.client.hlen("unacked") == 20, 5)
    assert worker.ended("early") == 0
    late = send(app, f"{prefix}mark", "late", 0.5)
    wait_until(lambda: worker.started("late"), 5)
    assert server.client.hlen("unacked") == 21
    assert (early.get(timeout=5), late.get(timeout=5)) == ("early", "late")
    assert send(app, "flaky", "f", 2).get(timeout=5) == 2
    odd = send(app, "odd_failure", "odd", "repr leaves")
    wait_until(lambda: odd.state == "FAILURE", 5)
    with pytest.raises(SoftTimeLimitExceeded):
        send(app, "soft_limited", "busy", time_limit=20).get(timeout=10)
    assert "raised unexpected: SoftTimeLimitExceeded()\n" in worker.log()
    assert "SoftTimeLimitExceeded: SoftTimeLimitExceeded" not in worker.log()
    with pytest.raises(Exception, match=r"0\.5"):
        send(app, "hard_limited", "sleep").get(timeout=10)
    for result in held:
        assert due - 0.01 <= result.get(timeout=10) < due + 1
    wait_until(lambda: not server.client.hlen("unacked"), 5)


@pytest.mark.parametrize("pool", POOLS)
def test_a_late_task_starts_again_within_a_second_of_its_childs_death(
    app: App, worker: Worker, pool: str
) -> None:
    result = send(app, "async_mark" if pool == "asyncio" else "mark", "m", 1.0)
    wait_until(lambda: worker.started("m") == 1, 5)
    pid = int(worker.effects()[0].split()[2])
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: worker.started("m") == 2, 5)
    assert time.monotonic() - killed < 1
    assert result.get(timeout=10) == "m"


def test_far_etas_wait_in_unacked_and_return_when_the_worker_stops(
    app: App, server: Server, worker: Worker
) -> None:
    far = [send(app, "add", n, 1, countdown=3600) for n in range(20)]
    wait_until(lambda: server.client.zcard("unacked_index") == 20, 5)
    assert server.client.hlen("unacked") == 20
    assert send(app, "add", 1, 1).get(timeout=5) == 2
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert in_queue(server) == [result.id for result in far]
    assert server.client.hlen("unacked") == server.client.zcard("unacked_index") == 0
    assert not server.client.keys("runtime.*")


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_tasks_start_within_a_second_of_their_eta(app: App, worker: Worker, pool: str) -> None:
    due = time.time() + 2.5
    results = [send(app, "when", str(n), countdown=2.5) for n in range(20)]
    for result in results:
        assert due - 0.01 <= result.get(timeout=10) < due + 1


def test_a_worker_consumes_the_queues_it_was_given(app: App, server: Server, tmp_path: Path) -> None:
    elsewhere = send(app, "add", 0, 0, queue="c")
    with Worker(server.url(), tmp_path, "-Q", "a,b"):
        assert send(app, "add", 1, 1, queue="a").get(timeout=10) == 2
        assert send(app, "add", 2, 1, queue="b").get(timeout=10) == 3
    assert in_queue(server, "c") == [elsewhere.id]


def test_lower_priority_numbers_run_first(app: App, server: Server, tmp_path: Path) -> None:
    for priority in (9, 3, 6, 0):
        send(app, "mark", f"p{priority}", priority=priority)
    with Worker(server.url(), tmp_path, slots=1) as worker:
        wait_until(lambda: worker.ended("p9"), 10)
        assert [line for line in worker.effects() if line.startswith("end")] == [
            "end p0",
            "end p3",
            "end p6",
            "end p9",
        ]


def test_term_finishes_what_runs_and_gives_back_the_rest(app: App, server: Server, worker: Worker) -> None:
    results = [send(app, "mark", f"m{n}", 1.0) for n in range(10)]
    wait_until(lambda: worker.started("m0") and worker.started("m1"), 5)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert worker.ended("m0") == worker.ended("m1") == 1
    assert in_queue(server) == [result.id for result in results[2:]]
    assert server.client.hlen("unacked") == 0
    waiting = json.loads(server.client.lindex("celery", -1))
    assert "redelivered" not in waiting["headers"]


@pytest.mark.parametrize(
    "signals", [(signal.SIGQUIT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)]
)
def test_quit_or_a_second_term_gives_back_what_runs(
    app: App, server: Server, worker: Worker, signals: tuple[int, ...]
) -> None:
    late = send(app, "mark", "late", 60.0)
    early = send(app, "early_mark", "early", 60.0)
    wait_until(lambda: worker.started("late") and worker.started("early"), 5)
    for number in signals:
        worker.signal(number)
        wait_until(lambda: "draining" in worker.log() or "killing" in worker.log(), 5)
    assert worker.wait() == 0
    assert in_queue(server) == [late.id]
    assert json.loads(server.client.lindex("celery", 0))["headers"]["redelivered"] is True
    assert early.state == "RETRY"


def test_the_grace_period_ends_a_warm_shutdown(app: App, server: Server, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, "--grace", "0.5") as worker:
        late = send(app, "mark", "late", 60.0)
        wait_until(lambda: worker.started("late"), 5)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert in_queue(server) == [late.id]


def test_signals_to_the_whole_group_are_a_warm_shutdown(app: App, server: Server, worker: Worker) -> None:
    result = send(app, "mark", "m", 1.0)
    wait_until(lambda: worker.started("m"), 5)
    for pid in [worker.process.pid, *worker.children()]:
        os.kill(pid, signal.SIGTERM)
    assert worker.wait() == 0
    assert result.get(timeout=1) == "m"


def test_children_die_with_their_supervisor(worker: Worker) -> None:
    wait_until(lambda: len(worker.children()) >= 3, 5)
    children = worker.children()
    worker.process.kill()
    wait_until(lambda: not any(runs(pid) for pid in children), 1)


def test_a_worker_of_the_same_name_takes_over_from_its_dead_predecessor(
    app: App, server: Server, worker: Worker
) -> None:
    results = [send(app, "mark", f"m{n}", 0.3) for n in range(6)]
    held = send(app, "add", 1, 1, countdown=2)
    wait_until(lambda: worker.started("m0") and server.client.hlen("unacked") >= 2, 5)
    worker.process.kill()
    worker.process.wait()
    killed = time.monotonic()
    worker.again()
    wait_until(lambda: worker.started("m0") == 2, 5)
    assert time.monotonic() - killed < 2
    assert [result.get(timeout=10) for result in results] == [f"m{n}" for n in range(6)]
    assert held.get(timeout=10) == 2
    assert not [n for n in range(2, 6) if worker.started(f"m{n}") > 1]


def test_any_worker_takes_over_from_a_dead_one_within_ten_seconds(
    app: App, server: Server, worker: Worker, tmp_path: Path
) -> None:
    """With default settings, and though it has only just started itself."""
    send(app, "mark", "m", 60.0)
    wait_until(lambda: worker.started("m"), 5)
    with Worker(server.url(), tmp_path, name="other"):
        worker.process.kill()
        worker.process.wait()
        killed = time.monotonic()
        wait_until(lambda: worker.started("m") == 2, 15)
        assert time.monotonic() - killed < 10


@pytest.mark.parametrize("pool", POOLS)
def test_hup_brings_fresh_code_and_loses_nothing(app: App, server: Server, tmp_path: Path, pool: str) -> None:
    module = tmp_path / "rolling.py"
    source = (
        "import time\nfrom runtime import App\napp = App('rolling')\n"
        "@app.task(acks_late=True)\ndef version(seconds):\n    time.sleep(seconds)\n    return {}\n"
    )
    module.write_text(source.format(1))
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    with Worker(server.url(), tmp_path, app="rolling", env=env, pool=pool) as worker:
        assert app.send_task("rolling.version", (0,)).get(timeout=10) == 1
        running = app.send_task("rolling.version", (1.5,))
        wait_until(lambda: server.client.hlen("unacked") == 1, 5)
        module.write_text(source.format(2))
        worker.signal(signal.SIGHUP)
        wait_until(lambda: app.send_task("rolling.version", (0,)).get(timeout=10) == 2, 10)
        assert running.get(timeout=10) == 1


def test_usr1_shows_the_stacks_of_supervisor_and_busy_child(app: App, worker: Worker) -> None:
    for name in ("a", "b"):
        send(app, "mark", name, 2.0)
    wait_until(lambda: worker.started("a") and worker.started("b"), 5)
    worker.signal(signal.SIGUSR1)
    wait_until(lambda: "supervisor.py" in worker.log() and "tests/support/app.py" in worker.log(), 5)
    pids = [line.split()[2] for line in worker.effects() if line.startswith("start ")]
    for pid in pids:
        wait_until(lambda pid=pid: f"in child {pid}" in worker.log(), 5)  # type: ignore[misc]


def test_a_second_worker_of_the_same_name_is_warned(server: Server, worker: Worker, tmp_path: Path) -> None:
    elsewhere = tmp_path / "second"
    elsewhere.mkdir()
    with Worker(server.url(), elsewhere) as second:
        wait_until(lambda: "Another worker has our node name" in second.log(), 5)
        assert f"(pid {worker.process.pid} on " in second.log()
    assert "Another worker" not in worker.log()


@pytest.mark.parametrize("how", ["sleep", "c", "busy"])
def test_hard_limits_free_the_slot_within_a_second(app: App, worker: Worker, how: str) -> None:
    started = time.monotonic()
    with pytest.raises(Exception, match=r"0\.5") as caught:
        send(app, "hard_limited", how).get(timeout=10)
    assert type(caught.value).__name__ == "TimeLimitExceeded"
    assert time.monotonic() - started < 2
    assert send(app, "add", 1, 1).get(timeout=5) == 2


@pytest.mark.parametrize("how", ["sleep", "c", "busy"])
def test_soft_limits_raise_inside_the_task(app: App, worker: Worker, how: str) -> None:
    with pytest.raises(SoftTimeLimitExceeded):
        send(app, "soft_limited", how, time_limit=20).get(timeout=10)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    ("option", "bound", "most"),
    [
        ("--max-tasks-per-child", "5", 5),
        ("--max-memory-per-child", "1000", math.inf),
        ("--max-lifetime-per-child", "0.3", math.inf),
    ],
)
def test_children_are_replaced_as_they_come_to_their_bound(
    app: App, server: Server, tmp_path: Path, pool: str, option: str, bound: str, most: float
) -> None:
    """most: tasks that one of them may run."""
    pids: Counter[int] = Counter()

    def run() -> int:
        pids[send(app, "whoami").get(timeout=10)["pid"]] += 1
        return len(pids)

    with Worker(server.url(), tmp_path, option, bound, pool=pool, slots=1):
        wait_until(lambda: run() == 3)
    assert max(pids.values()) <= most
