"""Probes and metrics of real workers (P13)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.process.test_in_flight import send
from tests.support.probes import ask, probe, samples
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


@pytest.fixture
def place(server: Server) -> Path:
    """Beside the server's socket: short enough for a path of a Unix socket."""
    return server.directory / "http"


@pytest.fixture
def worker(server: Server, tmp_path: Path, place: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}") as worker:
        wait_until(lambda: probe(place, "/readyz").status == 200)
        yield worker


def test_a_worker_without_its_server_is_live_but_not_ready(
    server: Server, worker: Worker, place: Path
) -> None:
    server.stop()
    wait_until(lambda: probe(place, "/readyz").status == 503)
    assert probe(place, "/readyz").reasons == ["not connected to the broker"]
    assert probe(place, "/livez").status == 200
    assert probe(place, "/livez").reasons == []
    server.start()
    wait_until(lambda: probe(place, "/readyz").status == 200, 5)


def test_a_server_that_hangs_makes_it_not_ready(server: Server, worker: Worker, place: Path) -> None:
    server.pause()
    wait_until(lambda: probe(place, "/readyz").status == 503, 8)
    assert probe(place, "/livez").status == 200
    server.resume()
    wait_until(lambda: probe(place, "/readyz").status == 200, 8)


def test_a_worker_that_waits_for_its_first_connection_is_live(
    server: Server, tmp_path: Path, place: Path
) -> None:
    server.stop()
    worker = Worker(server.url(), tmp_path, "--http", f"unix:{place}")
    try:
        wait_until(lambda: probe(place, "/livez").status == 200)
        assert "not connected to the broker" in probe(place, "/readyz").reasons
        server.start()
        wait_until(lambda: probe(place, "/readyz").status == 200)
    finally:
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert not place.exists()


def test_a_quiet_or_draining_worker_is_live_but_not_ready(app: App, worker: Worker, place: Path) -> None:
    worker.signal(signal.SIGTSTP)
    wait_until(lambda: probe(place, "/readyz").reasons == ["the worker is quiet"])
    worker.signal(signal.SIGCONT)
    wait_until(lambda: probe(place, "/readyz").status == 200)
    send(app, "mark", "m", 1.0)
    wait_until(lambda: worker.started("m"))
    worker.signal(signal.SIGTERM)
    wait_until(lambda: probe(place, "/readyz").reasons == ["the worker is draining"])
    assert probe(place, "/livez").status == 200
    assert worker.wait() == 0


def test_busy_for_long_is_ready(app: App, worker: Worker, place: Path) -> None:
    """No slot is free, so nothing is fetched: that is no fault."""
    for name in ("a", "b", "c"):
        send(app, "mark", name, 7.0)
    wait_until(lambda: worker.started("a") and worker.started("b"))
    while not worker.ended("a"):
        assert probe(place, "/readyz").status == 200


def test_health_says_yes(worker: Worker, place: Path) -> None:
    asked = ask("--http", f"unix:{place}", "--ready")
    assert (asked.code, asked.output, asked.errors) == (0, "ready\n", "")


def test_health_loads_no_app() -> None:
    program = "import sys, runtime.cli.health; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"runtime.app", "runtime.worker.supervisor", "hiredis", "redis", "http"} & set(
        done.stdout.split()
    )


def test_a_stopped_supervisor_is_not_healthy(worker: Worker, place: Path) -> None:
    worker.signal(signal.SIGSTOP)
    try:
        asked = ask("--http", f"unix:{place}", "--timeout", "0.5")
    finally:
        worker.signal(signal.SIGCONT)
    assert asked.code == 1
    assert asked.errors == f"unix:{place} did not answer within 0.5 s\n"
    assert asked.seconds < 1.5
    wait_until(lambda: ask("--http", f"unix:{place}", "--ready").code == 0)


def test_no_worker_is_not_healthy(tmp_path: Path) -> None:
    asked = ask("--http", f"unix:{tmp_path}/nothing")
    assert (asked.code, asked.errors) == (1, f"unix:{tmp_path}/nothing: No such file or directory\n")


def test_a_host_and_port(server: Server, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    with Worker(server.url(), tmp_path, env={"RUNTIME_HTTP": where}):
        wait_until(lambda: ask("--http", where, "--ready").code == 0)
        second = Worker(server.url(), tmp_path, "--http", where, name="w2")
        assert second.wait() == 2
        assert f"cannot listen on {where}: Address already in use" in second.log()


def test_the_socket_of_a_killed_worker_is_taken_over(worker: Worker, place: Path) -> None:
    worker.process.kill()
    worker.process.wait()
    assert place.exists()
    worker.again()
    wait_until(lambda: probe(place, "/readyz").status == 200)


def test_slow_and_mad_clients_disturb_nobody(app: App, worker: Worker, place: Path) -> None:
    clients = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    try:
        for client in clients:
            client.connect(str(place))
            client.send(b"GET /live")
        assert send(app, "add", 1, 2).get(timeout=2) == 3
        wait_until(lambda: probe(place, "/livez").status == 200, 10)
    finally:
        for client in clients:
            client.close()
    with socket.socket(socket.AF_UNIX) as mad:
        mad.connect(str(place))
        mad.sendall(os.urandom(4000) + b"\r\n\r\n")
        assert mad.recv(64).startswith(b"HTTP/1.0 404 ")
    assert probe(place, "/elsewhere").status == 404


def test_metrics_tell_what_has_happened(app: App, server: Server, worker: Worker, place: Path) -> None:
    for n in range(5):
        assert send(app, "add", n, 1).get(timeout=5) == n + 1
    send(app, "add", 1, 1, countdown=3600)
    app.send_task("no.such.task")
    send(app, "poison", "p")
    wait_until(lambda: worker.started("p") == 3)
    running = send(app, "mark", "m", 2.0)
    wait_until(lambda: worker.started("m"))
    wait_until(lambda: samples(probe(place, "/metrics").body)["runtime_dead_letters_total"] == 2)
    now = samples(probe(place, "/metrics").body)
    add, poison = "tests.support.app.add", "tests.support.app.poison"
    assert now[f'runtime_tasks_total{{state="SUCCESS",task="{add}"}}'] == 5
    assert now[f'runtime_tasks_total{{state="LOST",task="{poison}"}}'] == 3
    assert now[f'runtime_task_run_seconds_count{{task="{add}"}}'] == 5
    assert now['runtime_task_wait_seconds_count{queue="celery"}'] == 8
    assert now['runtime_redeliveries_total{cause="child"}'] == 2
    assert now['runtime_child_ends_total{cause="died"}'] == 3
    assert now["runtime_refused_total"] == 1
    assert now["runtime_held"] == 1
    assert now["runtime_slots"] == 2
    assert now["runtime_live"] == now["runtime_ready"] == 1
    assert now["runtime_running"] == now["runtime_reserved"] == now["runtime_unacked"] == 1
    assert now["runtime_waiting"] == now["runtime_reconnects_total"] == 0
    assert now["runtime_fenced_settlements_total"] == 0
    assert now["runtime_fetch_age_seconds"] < 2
    assert now["runtime_loop_lag_seconds_count"] > 0
    running.get(timeout=5)
    server.client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: samples(probe(place, "/metrics").body)["runtime_reconnects_total"] == 1)


def test_without_prometheus_client_there_are_probes_and_a_line(
    server: Server, tmp_path: Path, place: Path
) -> None:
    """A directory before all others on the path hides the package."""
    hidden = tmp_path / "prometheus_client"
    hidden.mkdir()
    (hidden / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module named prometheus_client', name='prometheus_client')\n"
    )
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}", env=env) as worker:
        wait_until(lambda: probe(place, "/readyz").status == 200)
        assert probe(place, "/metrics").status == 404
        assert worker.log().count("prometheus-client is not installed") == 1
