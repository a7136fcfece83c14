"""The files in tools/ for supervisord and Kubernetes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from runtime import App
from tests.process.test_in_flight import send
from tests.support.probes import probe
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT


class Supervisord:
    """A real one, with tools/supervisord.conf; paths and the app replaced by those of the test."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.effects_file = directory / "effects"
        self.effects_file.touch()
        self.http = server.directory / "http"
        self.log_file = directory / "worker.log"
        text = (ROOT / "tools" / "supervisord.conf").read_text()
        for ours, theirs in (
            ("/srv/app/.venv/bin/runtime", str(Path(sys.executable).with_name("runtime"))),
            ("-A proj", "-A tests.support.app"),
            ("start --quiet", "start --quiet -c 2 -n w1@test"),
            ("/srv/app", str(ROOT)),
            ("/run/runtime-worker", str(server.directory)),
            ("/var/log/runtime-worker", str(directory)),
        ):
            assert ours in text
            text = text.replace(ours, theirs)
        configuration = directory / "supervisord.conf"
        configuration.write_text(text)
        environment = {
            **os.environ,
            "RUNTIME_BROKER_URL": server.url(),
            "RUNTIME_RESULT_BACKEND": server.url(),
            "EFFECTS": str(self.effects_file),
        }
        # Warnings are its own matter: it uses what urllib has deprecated.
        options = ("-c", str(configuration))
        program = (sys.executable, "-m", "supervisor.supervisord")
        self.process = subprocess.Popen([*program, *options, "--nodaemon", "--silent"], env=environment)
        self._controller = (sys.executable, "-m", "supervisor.supervisorctl", *options)

    def control(self, *arguments: str) -> str:
        command = [*self._controller, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stderr == ""
        return done.stdout.strip()

    def wait_running(self) -> None:
        wait_until(lambda: "RUNNING" in self.control("status"), 15, interval=0.2)
        wait_until(lambda: probe(self.http, "/readyz").status == 200)

    def effects(self) -> list[str]:
        return self.effects_file.read_text().splitlines()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def supervisord(server: Server, tmp_path: Path) -> Iterator[Supervisord]:
    supervisord = Supervisord(server, tmp_path)
    try:
        supervisord.wait_running()
        yield supervisord
    finally:
        supervisord.end()


def test_supervisord_starts_stops_and_restarts_a_worker_under_load(
    app: App, server: Server, supervisord: Supervisord
) -> None:
    def load(count: int, prefix: str) -> list[str]:
        names = [f"{prefix}{n}" for n in range(count)]
        for name in names:
            send(app, "mark", name, 0.05)
        return names

    names = load(60, "a")
    wait_until(lambda: "end a3" in supervisord.effects())
    assert supervisord.control("restart", "runtime-worker").endswith("runtime-worker: started")
    names += load(60, "b")
    wait_until(lambda: "end b3" in supervisord.effects(), 20)
    assert supervisord.control("stop", "runtime-worker") == "runtime-worker: stopped"
    assert server.client.hlen("unacked") == 0
    assert server.client.llen("celery") > 0
    assert not supervisord.http.exists()
    assert supervisord.control("start", "runtime-worker") == "runtime-worker: started"
    wait_until(lambda: sum(line.startswith("end ") for line in supervisord.effects()) >= len(names), 20)
    assert sorted(line for line in supervisord.effects() if line.startswith("end ")) == sorted(
        f"end {name}" for name in names
    )
    assert sum(line.startswith("start ") for line in supervisord.effects()) == len(names)
    wait_until(lambda: not server.client.hlen("unacked"))


def test_supervisord_starts_a_killed_worker_again(app: App, server: Server, supervisord: Supervisord) -> None:
    for n in range(40):
        send(app, "mark", f"m{n}", 0.05)
    wait_until(lambda: "end m3" in supervisord.effects())
    pid = int(supervisord.control("pid", "runtime-worker"))
    os.kill(pid, 9)
    wait_until(lambda: {f"end m{n}" for n in range(40)} <= set(supervisord.effects()), 20)
    assert int(supervisord.control("pid", "runtime-worker")) != pid


def test_kubernetes_gives_the_worker_time_for_its_grace_and_has_three_probes() -> None:
    deployment = yaml.safe_load((ROOT / "tools" / "kubernetes.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    grace = next(arg for arg in container["args"] if arg.startswith("--grace="))
    assert pod["terminationGracePeriodSeconds"] >= int(grace.removeprefix("--grace=")) + 15
    paths = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    (port,) = container["ports"]
    assert f"--http=:{port['containerPort']}" in container["args"]
    assert all(container[name]["httpGet"]["port"] == port["name"] for name in paths)


@pytest.mark.parametrize(
    ("file", "wait"),
    [
        ("runtime-worker.service", "TimeoutStopSec"),
        ("runtime-worker@.service", "TimeoutStopSec"),
        ("supervisord.conf", "stopwaitsecs"),
    ],
)
def test_managers_wait_longer_than_the_grace_period(file: str, wait: str) -> None:
    text = (ROOT / "tools" / file).read_text()
    grace, patience = re.search(r"--grace (\d+)", text), re.search(rf"^{wait}=(\d+)", text, re.MULTILINE)
    assert grace is not None
    assert patience is not None
    assert int(patience[1]) >= int(grace[1]) + 15
