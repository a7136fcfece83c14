"""What a worker says to systemd, and the unit files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from runtime import App
from tests.process.test_in_flight import send
from tests.support.manager import Manager
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

ANALYZERS = [found for found in [shutil.which("systemd-analyze")] if found is not None]
"""None where there is no systemd."""


@pytest.mark.parametrize("abstract", [False, True])
def test_a_life_as_systemd_hears_it(app: App, server: Server, tmp_path: Path, abstract: bool) -> None:
    address = f"@{server.directory.name}" if abstract else str(server.directory / "notify")
    with Manager(address, watchdog=0.6) as manager:
        with Worker(server.url(), tmp_path, env=manager.environment) as worker:
            manager.wait("WATCHDOG", 3)
            assert manager.count("READY") == 1
            asked = time.monotonic()
            worker.signal(signal.SIGHUP)
            manager.wait("READY", 2)
            assert int(manager.values("MONOTONIC_USEC")[0]) >= asked * 1e6
            send(app, "early_mark", "m", 1.0)
            # Acknowledged: the supervisor has heard of the start, not only the child made it.
            wait_until(lambda: worker.started("m") and not server.client.hlen("unacked"))
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
        once = [name for name in manager.names() if name not in ("WATCHDOG", "STATUS", "EXTEND_TIMEOUT_USEC")]
        assert once == ["READY", "RELOADING", "MONOTONIC_USEC", "READY", "STOPPING"]
        last = manager.names()[manager.names().index("STOPPING") :]
        assert last[:3] == ["STOPPING", "STATUS", "EXTEND_TIMEOUT_USEC"]
        assert "Running: 0 of 2 slots busy, 0 waiting" in manager.values("STATUS")
        assert "Draining: 1 of 2 slots busy, 0 waiting" in manager.values("STATUS")


def test_status_is_told_every_ten_seconds(server: Server, tmp_path: Path) -> None:
    with (
        Manager(str(server.directory / "notify")) as manager,
        Worker(server.url(), tmp_path, env=manager.environment),
    ):
        manager.wait("READY")
        told = manager.count("STATUS")
        since = time.monotonic()
        manager.wait("STATUS", told + 1, timeout=13)
        assert time.monotonic() - since > 8
        assert manager.count("WATCHDOG") == 0


def test_not_ready_before_the_server_answers(server: Server, tmp_path: Path) -> None:
    server.stop()
    with Manager(str(server.directory / "notify")) as manager:
        worker = Worker(server.url(), tmp_path, env=manager.environment)
        try:
            manager.wait("STATUS")
            assert "not connected to the broker" in manager.values("STATUS")[0]
            assert manager.count("EXTEND_TIMEOUT_USEC") >= 1
            assert manager.count("READY") == 0
            server.start()
            manager.wait("READY")
        finally:
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0


def test_a_loop_that_does_not_turn_sends_no_watchdog(server: Server, tmp_path: Path) -> None:
    with (
        Manager(str(server.directory / "notify"), watchdog=0.2) as manager,
        Worker(server.url(), tmp_path, env=manager.environment) as worker,
    ):
        manager.wait("WATCHDOG", 2)
        worker.signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(worker.process.pid).status() == psutil.STATUS_STOPPED)
        heard = manager.count("WATCHDOG")
        with pytest.raises(AssertionError, match="not true within"):
            manager.wait("WATCHDOG", heard + 1, timeout=1)
        worker.signal(signal.SIGCONT)
        manager.wait("WATCHDOG", heard + 2)


def test_tasks_do_not_inherit_the_managers_socket(app: App, server: Server, tmp_path: Path) -> None:
    with (
        Manager(str(server.directory / "notify"), watchdog=5) as manager,
        Worker(server.url(), tmp_path, env=manager.environment) as worker,
    ):
        manager.wait("READY")
        for pid in worker.children():
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in environment
            assert b"WATCHDOG_USEC" not in environment


@pytest.mark.parametrize("analyzer", ANALYZERS)
@pytest.mark.parametrize("unit", ["runtime-worker.service", "runtime-worker@.service"])
def test_systemd_takes_the_units(analyzer: str, unit: str, tmp_path: Path) -> None:
    """Verified as they are, but for the program, which is not in /srv/app here."""
    text = (ROOT / "tools" / unit).read_text()
    (tmp_path / unit).write_text(text.replace("/srv/app/.venv/bin/runtime", "/bin/true"))
    complaints = [
        line
        for line in run(
            analyzer, "verify", "--man=no", str(tmp_path / unit.replace("@", "@mail"))
        ).splitlines()
        if "runtime-worker" in line
    ]
    version = int(run(analyzer, "--version").split()[1])
    if version < 253:  # it came with that one
        complaints = [line for line in complaints if "service type, ignoring: notify-reload" not in line]
    assert complaints == []


def run(*command: str) -> str:
    """Its stdout and stderr."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=30)
    return done.stdout.decode()
