"""Probes of real workers (P13)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runtime import App
from runtime.worker.exitcodes import ExitCode
from tests.process.test_in_flight import send
from tests.support.manager import Manager
from tests.support.probes import ask, probe
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker


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


@pytest.mark.parametrize(("away", "back"), [(Server.stop, Server.start), (Server.pause, Server.resume)])
def test_a_worker_that_waits_for_its_first_connection_is_live(
    server: Server,
    tmp_path: Path,
    place: Path,
    away: Callable[[Server], None],
    back: Callable[[Server], None],
) -> None:
    away(server)
    worker = Worker(server.url(), tmp_path, "--http", f"unix:{place}")
    try:
        wait_until(lambda: probe(place, "/livez").status == 200, 3)
        assert "not connected to the broker" in probe(place, "/readyz").reasons
        back(server)
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


def test_a_worker_that_can_have_no_more_children_is_not_live_and_ends(
    server: Server, tmp_path: Path, place: Path
) -> None:
    """Nor does it tell the service manager that it is well."""
    module = tmp_path / "frail.py"
    module.write_text("from runtime import App\napp = App('frail')\n")
    with Manager(str(server.directory / "notify"), watchdog=0.2) as manager:
        env = {**manager.environment, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
        with Worker(server.url(), tmp_path, "--http", f"unix:{place}", app="frail", env=env) as worker:
            manager.wait("WATCHDOG", 2)
            module.write_text("raise RuntimeError('broken meanwhile')\n")
            (fork_server,) = psutil.Process(worker.process.pid).children()
            fork_server.kill()
            wait_until(lambda: probe(place, "/livez").status == 503, 20)
            heard = manager.count("WATCHDOG")
            assert probe(place, "/livez").reasons[0].startswith("no child has been able to run a task for 1")
            assert worker.wait(30) == ExitCode.CHILDREN
            assert manager.count("WATCHDOG") == heard
            assert "broken meanwhile" in worker.log()


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


def test_health_loads_nothing_but_itself() -> None:
    """It has 100 ms, and each of these takes some."""
    program = (
        "import sys, runtime.cli; sys.argv = ['runtime', 'health', '--http', 'unix:/nothing'];"
        "assert runtime.cli.main() == 1; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    others = {"runtime.app", "runtime.settings", "runtime.cli.start", "runtime.worker.supervisor"}
    assert not {*others, "brokers.interface", "hiredis", "redis", "http"} & set(done.stdout.split())


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
