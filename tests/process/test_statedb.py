"""`--statedb`: what is revoked outlives the worker."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path
from uuid import uuid4

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = "tests.support.app."


def remembered(database: Path) -> int:
    connection = sqlite3.connect(database)
    (count,) = connection.execute("SELECT count(*) FROM revoked").fetchone()
    connection.close()
    return int(count)


def test_what_is_revoked_is_not_run_by_the_next_life_of_a_killed_worker(
    server: Server, tmp_path: Path, app: App
) -> None:
    revoked = str(uuid4())
    with Worker(server.url(), tmp_path, "--statedb", str(tmp_path / "%n.db")) as worker:
        wait_until(app.control.ping)
        app.control.revoke(revoked, reply=True)
        app.control.revoke_by_stamped_headers({"order": "17"}, reply=True)
        wait_until(lambda: remembered(tmp_path / "w1.db") == 2)
        worker.signal(signal.SIGKILL)
        worker.wait()
        worker.again()
        assert wait_until(app.control.inspect(worker.node).revoked) == [revoked]
        app.send_task(TASKS + "mark", ["by id"], task_id=revoked)
        app.send_task(TASKS + "mark", ["by stamp"], stamped_headers=["order"], order="17")
        assert app.send_task(TASKS + "mark", ["not"]).get(timeout=10) == "not"
        assert [worker.started(name) for name in ("by id", "by stamp", "not")] == [0, 0, 1]


def test_a_file_that_is_none_of_ours_is_one_clear_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("mine, and no database\n" * 100)
    worker = Worker(server.url(), tmp_path, "--statedb", str(tmp_path / "state"))
    assert worker.wait() == 2
    (line,) = worker.log().splitlines()
    assert line.endswith(f"statedb '{tmp_path}/state' cannot be used: file is not a database")
