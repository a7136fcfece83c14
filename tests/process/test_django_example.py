"""The project in examples/django_shop, as its reader would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.celery_calls import connected
from tests.support.servers import Server
from tests.support.worker import ROOT, Worker

SHOP = ROOT / "examples" / "django_shop"


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    """With an empty database."""
    environment = {"SHOP_BROKER": server.url(), "SHOP_DATABASE": str(tmp_path / "shop.sqlite3")}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=SHOP, env={**os.environ, **environment}, check=True)
    return environment


def test_the_tasks_of_a_django_project_use_its_database(
    server: Server, tmp_path: Path, environment: dict[str, str]
) -> None:
    with (
        connected(server.url()) as client,
        Worker(server.url(), tmp_path, app="shop", cwd=SHOP, env=environment, slots=1) as worker,
    ):
        number = client.send_task("orders.tasks.place", ("alice", 12)).get(timeout=10)
        assert client.send_task("orders.tasks.charge", (number,)).get(timeout=10) is True
        assert client.send_task("orders.tasks.is_connected").get(timeout=10) is False
        assert "WARNING" not in worker.log()
    own = {"app": "shop.own", "cwd": SHOP, "env": environment, "slots": 1, "name": "own"}
    with (
        connected(server.url()) as client,
        Worker(server.url(), tmp_path, **own),  # type: ignore[arg-type]
    ):
        waiting = client.send_task("orders.jobs.unpaid", ("alice",), queue="own")
        assert waiting.get(timeout=10) == 0
        assert client.send_task("orders.jobs.is_connected", queue="own").get(timeout=10) is False
