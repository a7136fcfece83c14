"""Redis killed and started again, and connections cut, under load: the same process goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import WIDE, Worker

BATCH = 40
"""Tasks sent before each break."""
WARM = 2
"""Breaks after which the supervisor has what it needs for them."""
SLACK = 1 << 20
"""Bytes; a connection that is kept by mistake, with its buffers, is more in a few breaks."""


class Footprint(NamedTuple):
    descriptors: int
    threads: int
    memory: int
    """Bytes, resident."""

    def is_within(self, other: Footprint) -> bool:
        return (
            self.descriptors <= other.descriptors
            and self.threads <= other.threads
            and self.memory <= other.memory + SLACK
        )


def footprint(worker: Worker) -> Footprint:
    process = psutil.Process(worker.process.pid)
    return Footprint(process.num_fds(), process.num_threads(), process.memory_info().rss)


def cut(server: Server) -> None:
    server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@pytest.mark.parametrize(("pool", "rounds"), [("prefork", 10), *((pool, 6) for pool in (*WIDE, "solo"))])
def test_each_outage_is_over_within_five_seconds_and_leaves_nothing_behind(
    app: App, server: Server, tmp_path: Path, pool: str, rounds: int
) -> None:
    sent: list[str] = []

    def send(count: int) -> str:
        names = [f"m{len(sent) + n}" for n in range(count)]
        sent.extend(names)
        calls = [app.signature("tests.support.app.mark", (name, 0.02)) for name in names]
        app.send_many(calls)
        return names[-1]

    with Worker(server.url(), tmp_path, pool=pool, slots=1 if pool == "solo" else 4) as worker:

        def finish(name: str) -> None:
            wait_until(lambda: worker.ended(name), 10)

        last = send(BATCH)
        finish(last)
        children = 4 if pool == "prefork" else 1
        stats = app.control.inspect([worker.node], 10).stats
        wait_until(lambda: len(stats()[worker.node]["pool"]["processes"]) == children)
        footprints = [footprint(worker)]
        for number in range(rounds):
            send(BATCH)
            if number % 2:
                cut(server)
            else:
                server.restart()
            back = time.monotonic()
            last = send(1)
            finish(last)
            assert time.monotonic() - back < 5
            footprints.append(footprint(worker))
        wait_until(lambda: not server.client.hlen("unacked"), 5)
        assert [name for name in sent if worker.ended(name) != 1] == []
        assert worker.process.poll() is None
        before = footprints[0]._replace(memory=footprints[WARM].memory)
        wait_until(lambda: footprint(worker).is_within(before), 5)
