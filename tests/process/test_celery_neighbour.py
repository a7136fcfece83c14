"""A Celery worker and ours on one broker: they see each other, share a queue, go on without each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runtime import App
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

MARK = "tests.support.app.mark"


def run(app: App, count: int = 20) -> None:
    """Tasks on the queue that they share, until all have ended."""
    results = app.send_many(app.signature(MARK, (f"m{n}", 0.01)) for n in range(count))
    for result in results:
        result.get(timeout=20)


def test_a_celery_worker_and_ours_see_each_other_and_go_on_without_each_other(
    app: App, server: Server, tmp_path: Path
) -> None:
    directory = tmp_path / "theirs"
    directory.mkdir()
    with Worker(server.url(), tmp_path, loglevel="debug") as ours:
        app.control.revoke("revoked before it came")
        with CeleryWorker(
            server.url(), directory, "--heartbeat-interval", "1", mingle=True, gossip=True
        ) as theirs:
            # It says that it is ready before it hears.
            wait_until(lambda: len(app.control.ping(timeout=1.0)) == 2, 20)
            assert "mingle: sync with 1 nodes" in theirs.log()
            asked = app.control.inspect(theirs.node, timeout=10)
            assert "revoked before it came" in asked.revoked()
            wait_until(lambda: f"Gossip: {theirs.node} is there" in ours.log())
            clocks = app.control.inspect(timeout=10).clock()
            assert abs(clocks[ours.node]["clock"] - clocks[theirs.node]["clock"]) < 20
            status = subprocess.run(
                [sys.executable, "-m", "celery", "-A", "tests.support.celery_app", "status"],
                cwd=ROOT, env={**os.environ, "CELERY_URL": server.url()}, capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            assert f"{ours.node}: OK" in status.stdout
            assert f"{theirs.node}: OK" in status.stdout
            run(app, 200)
            assert len(ours.effects()) > 0
            assert "end m0" in {*ours.effects(), *(directory / "effects").read_text().splitlines()}
            assert (directory / "effects").stat().st_size > 0, "each has done some"

            ours.signal(9)
            ours.wait()
            app.control.revoke("revoked meanwhile")
            run(app)
            ours.again()
            wait_until(lambda: "Mingle: 1 workers have answered" in ours.log())
            assert {"revoked before it came", "revoked meanwhile"} <= set(
                app.control.inspect(ours.node, timeout=10).revoked()
            )
            wait_until(lambda: f"Gossip: {theirs.node} is there" in ours.log())
            # It ends by this (an IndexError in its gossip, unless two of Celery's are candidates), having
            # answered. So nothing is asked of it after that.
            answers = app.control.election("e1", "task", {"task": MARK}, reply=True, timeout=10)
            assert {**answers[0], **answers[1]} == {ours.node: None, theirs.node: None}
            theirs.process.kill()
            theirs.process.wait()
        run(app)
        wait_until(lambda: f"Gossip: missed the heartbeats of {theirs.node}" in ours.log())
