"""Which queues a worker consumes, and that it binds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import runtime
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker
from tests.support.zoo import QUEUES

DECLARED = ["cats", "animals", "left", "right"]


@pytest.mark.parametrize(
    ("options", "settings", "queues"),
    [
        ([], {}, ["celery"]),
        ([], {"task_default_queue": "d"}, ["d"]),
        ([], {"task_queues": QUEUES}, DECLARED),
        (["-X", "cats,right,none,animals_low"], {"task_queues": QUEUES}, ["animals", "left"]),
        (["-Q", "left,missing"], {"task_queues": QUEUES}, ["left", "missing"]),
        (["-Q", "left,right", "-X", "left"], {"task_queues": QUEUES}, ["right"]),
        (["-Q", "left"], {"task_queues": QUEUES, "task_create_missing_queues": False}, ["left"]),
        (["-Q", "a"], {"worker_direct": True}, ["a", "w1@test.dq2"]),
    ],
)
def test_what_a_worker_consumes(
    server: Server, tmp_path: Path, app: runtime.App, options: list[str], settings: Any, queues: list[str]
) -> None:
    with Worker(server.url(), tmp_path, *options, env={"SETTINGS": json.dumps(settings)}):
        [told] = app.control.inspect().active_queues().values()
        assert [each["name"] for each in told] == queues
        results = [app.send_task("tests.support.app.add", (1, 1), queue=queue) for queue in queues]
        assert [each.get(timeout=10) for each in results] == [2] * len(queues)
        kinds = {each["name"]: (each["exchange"]["name"], each["exchange"]["type"]) for each in told}
        for name, declared in settings.get("task_queues", {}).items():
            if name in kinds:
                assert kinds[name] == (declared["exchange"], declared.get("exchange_type", "direct"))
        wait_until(lambda: all(server.client.keys(f"_kombu.binding.{name}") for name, _ in kinds.values()))
