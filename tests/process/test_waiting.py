"""A worker that can do nothing at the moment does nothing, and keeps nothing from others (P10)."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

SLOTS = 2


def fill(app: App, worker: Worker) -> None:
    """All slots busy for long with tasks that have been quick so far, and many more in the queue."""
    quick = app.send_many(app.signature("tests.support.app.mark", (f"quick{n}",)) for n in range(300))
    for result in quick:
        result.get(timeout=10)
    app.send_many(app.signature("tests.support.app.mark", (f"slow{n}", 60)) for n in range(200))
    wait_until(lambda: sum(line.startswith("start slow") for line in worker.effects()) == SLOTS, 10)


def wake_ups(worker: Worker) -> int:
    return psutil.Process(worker.process.pid).num_ctx_switches().voluntary


@pytest.mark.parametrize("multiplier", ["auto", "0", "1", "4"])
def test_the_loop_rests_while_all_slots_are_busy(
    app: App, server: Server, tmp_path: Path, multiplier: str
) -> None:
    with Worker(server.url(), tmp_path, "--prefetch-multiplier", multiplier, slots=SLOTS) as worker:
        fill(app, worker)
        kept = {"auto": SLOTS, "0": 200, "1": SLOTS, "4": 4 * SLOTS}[multiplier]
        wait_until(lambda: server.client.hlen("unacked") == kept, 5)
        begun, before = time.monotonic(), wake_ups(worker)
        wait_until(lambda: time.monotonic() - begun > 2)
        assert wake_ups(worker) - before < 20, "a look into the queue each second, the lease, a few more"


def test_the_loop_rests_while_the_code_is_loaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import time\nfrom runtime import App\napp = App('slow')\ntime.sleep(3)\n"
    )
    with Worker(server.url(), tmp_path, app="slow_app", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as worker:
        used = psutil.Process(worker.process.pid).cpu_times()
        assert used.user + used.system < 2


def test_the_loop_rests_while_the_broker_is_away(server: Server, tmp_path: Path) -> None:
    """Also when the lease has run out: then nothing may begin."""
    with Worker(server.url(), tmp_path, env={"SETTINGS": '{"worker_lease": 1.0}'}) as worker:
        server.kill()
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 2)
        used = psutil.Process(worker.process.pid).cpu_times()
        wait_until(lambda: time.monotonic() - began > 4)
        later = psutil.Process(worker.process.pid).cpu_times()
        assert later.user + later.system - used.user - used.system < 0.3
