"""Redis goes away under load in every way it knows, and comes back (P7)."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime import App
from runtime.worker.exitcodes import ExitCode
from tests.support.proxy import Proxy
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = 400


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """One that keeps its data through a kill."""
    with Server(shared_server.flavour, aof=True) as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Between the worker and the server."""
    with Proxy(server) as proxy:
        yield proxy


@pytest.fixture
def worker(proxy: Proxy, tmp_path: Path) -> Iterator[Worker]:
    """With a password, as long as the server does not mind which."""
    with Worker(proxy.url().replace("//", "//:first@"), tmp_path) as worker:
        yield worker


def ends(worker: Worker) -> int:
    return sum(line.startswith("end ") for line in worker.effects())


def load(app: App, tasks: int = TASKS) -> list[Any]:
    return app.send_many(app.signature("tests.support.app.mark", (f"m{n}", 0.01)) for n in range(tasks))


def restarted(server: Server, proxy: Proxy) -> None:
    server.kill()
    server.start()


def away(server: Server, proxy: Proxy) -> None:
    server.kill()


def back(server: Server, proxy: Proxy) -> None:
    server.start()


def cut(server: Server, proxy: Proxy) -> None:
    own = server.client.client_id()
    for client in server.client.client_list():
        if int(client["id"]) != own:
            server.client.client_kill_filter(_id=client["id"])


def frozen(server: Server, proxy: Proxy) -> None:
    server.pause()


def thawed(server: Server, proxy: Proxy) -> None:
    server.resume()


def replica(server: Server, proxy: Proxy) -> None:
    server.client.replicaof("127.0.0.1", 1)


def stale_replica(server: Server, proxy: Proxy) -> None:
    server.client.config_set("replica-serve-stale-data", "no")
    server.client.replicaof("127.0.0.1", 1)


def master(server: Server, proxy: Proxy) -> None:
    server.client.replicaof("NO", "ONE")


def loading(server: Server, proxy: Proxy) -> None:
    """Answers LOADING for about two seconds; returns when it has loaded."""
    with server.client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"filler{number}", "")
        pipeline.execute()
    server.kill()
    server.start("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")


def out_of_memory(server: Server, proxy: Proxy) -> None:
    server.client.config_set("maxmemory", 1)


def memory_again(server: Server, proxy: Proxy) -> None:
    server.client.config_set("maxmemory", 0)


def scripts_forgotten(server: Server, proxy: Proxy) -> None:
    server.client.script_flush()


def password_changed(server: Server, proxy: Proxy) -> None:
    server.client.execute_command("ACL", "SETUSER", "default", "resetpass", ">second")
    cut(server, proxy)


def password_restored(server: Server, proxy: Proxy) -> None:
    server.client.execute_command("ACL", "SETUSER", "default", "nopass")


def cluster_down(server: Server, proxy: Proxy) -> None:
    proxy.answer("CLUSTERDOWN The cluster is down")


def silent(server: Server, proxy: Proxy) -> None:
    proxy.silence()


def resumed(server: Server, proxy: Proxy) -> None:
    proxy.resume()


def nothing(server: Server, proxy: Proxy) -> None:
    """It mends itself."""


Change = Callable[[Server, Proxy], None]


@pytest.mark.parametrize(
    ("broken", "mended", "noticed"),
    [
        (restarted, nothing, "reconnecting"),
        (away, back, "reconnecting"),
        (cut, nothing, "reconnecting"),
        (frozen, thawed, ""),
        (replica, master, "READONLY"),
        (stale_replica, master, "MASTERDOWN"),
        (loading, nothing, "LOADING"),
        (out_of_memory, memory_again, ""),
        (scripts_forgotten, nothing, "NOSCRIPT"),
        (password_changed, password_restored, "WRONGPASS"),
        (cluster_down, resumed, "CLUSTERDOWN"),
        (silent, resumed, ""),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_every_task_runs_once_in_spite_of(
    app: App, server: Server, proxy: Proxy, worker: Worker, broken: Change, mended: Change, noticed: str
) -> None:
    pid = worker.process.pid
    results = load(app)
    wait_until(lambda: ends(worker) > 20, 5)
    broken(server, proxy)
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > 1.5 and re.search(noticed, worker.log()), 5)
    mended(server, proxy)
    before, mended_at = ends(worker), time.monotonic()
    wait_until(lambda: ends(worker) > before or before == TASKS, 5)
    assert time.monotonic() - mended_at < 5
    assert [result.get(timeout=20) for result in results] == [f"m{n}" for n in range(TASKS)]
    assert worker.process.poll() is None
    assert worker.process.pid == pid
    assert [worker.started(f"m{n}") for n in range(TASKS)] == [1] * TASKS
    assert "came too late" not in worker.log()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert server.client.exists("unacked", "unacked_index", "celery") == 0


def test_silence_without_a_fin_is_noticed(app: App, proxy: Proxy, worker: Worker) -> None:
    """Also by an idle worker."""
    proxy.silence()
    wait_until(lambda: "no answer" in worker.log(), 10)
    proxy.resume()
    assert app.send_task("tests.support.app.add", (1, 2)).get(timeout=5) == 3


def test_results_wait_for_a_store_of_their_own_that_falls_silent(
    server: Server, proxy: Proxy, tmp_path: Path
) -> None:
    """Under load, and found so by an idle worker that has something to store."""
    with Server(server.flavour) as broker:
        client = App("client", broker=broker.url(), backend=server.url(), set_as_current=False)
        env = {"RUNTIME_RESULT_BACKEND": proxy.url()}
        with Worker(broker.url(), tmp_path, env=env) as worker:
            for tasks in (TASKS // 2, 1):
                worker.effects_file.write_text("")
                worker.log_file.write_text("")
                if tasks == 1:
                    proxy.silence()
                results = load(client, tasks)
                wait_until(lambda: ends(worker) > 0, 5)
                proxy.silence()
                wait_until(lambda: "no answer" in worker.log(), 10)
                proxy.resume()
                assert [result.get(timeout=20) for result in results] == [f"m{n}" for n in range(tasks)]
                assert [worker.started(f"m{n}") for n in range(tasks)] == [1] * tasks
        client.close()


def test_ends_wait_for_the_server_up_to_a_bound(app: App, proxy: Proxy, tmp_path: Path) -> None:
    settings = {"SETTINGS": json.dumps({"worker_max_unsettled": 30})}
    with Worker(proxy.url(), tmp_path, "--prefetch-multiplier", "0", env=settings) as worker:
        results = load(app)
        wait_until(lambda: ends(worker) > 20, 5)
        proxy.silence()
        before = ends(worker)
        wait_until(lambda: "settlements wait for the broker" in worker.log(), 5)
        assert 20 <= ends(worker) - before <= 40
        proxy.resume()
        assert [result.get(timeout=20) for result in results] == [f"m{n}" for n in range(TASKS)]
        assert [worker.started(f"m{n}") for n in range(TASKS)] == [1] * TASKS


def test_what_was_revoked_while_remote_control_was_cut_off_is_asked_of_the_others(
    app: App, server: Server, tmp_path: Path
) -> None:
    """One who listens is told only what is said while it does."""
    with Worker(server.url(), tmp_path), Worker(server.url(), tmp_path, name="w2") as away:
        away.signal(signal.SIGSTOP)
        server.client.client_kill_filter(_type="pubsub")
        wait_until(lambda: len(server.client.client_list(_type="pubsub")) == 1, 5)
        app.control.revoke("revoked-meanwhile")
        away.signal(signal.SIGCONT)
        revoked = app.control.inspect(["w2@test"]).revoked
        wait_until(lambda: "revoked-meanwhile" in (revoked() or {}).get("w2@test", ()), 5)


def test_gives_up_after_the_total_limit(server: Server, tmp_path: Path) -> None:
    settings = {"SETTINGS": json.dumps({"broker_connection_timeout_total": 1})}
    with Worker(server.url(), tmp_path, env=settings) as worker:
        server.kill()
        assert worker.wait(15) == ExitCode.BROKER_GONE
        worker.again(wait=False)
        assert worker.wait(15) == ExitCode.BROKER_GONE
        assert "given up after" in worker.log()


def test_a_server_that_refuses_at_the_start_ends_it(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    password_changed(server, proxy)
    worker = Worker(server.url(), tmp_path)
    assert worker.wait(15) == ExitCode.BROKER_REFUSED
    assert "Broker refuses: " in worker.log()
    assert "NOAUTH" in worker.log()
