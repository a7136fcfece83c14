"""What is sent while the broker is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from brokers.interface import BrokerUnavailable
from runtime import App, group
from tests.support.servers import Server

SOON = {"max_retries": None, "interval_max": 0.05}
NEVER = {"interval_start": 3600, "interval_max": 3600}


def app_of(server: Server, **settings: Any) -> App:
    return App("t", broker=server.url(), backend=server.url(), set_as_current=False, **settings)


def test_a_call_waits_until_the_broker_is_back(server: Server) -> None:
    app = app_of(server, task_publish_retry_policy=SOON)
    patient = app_of(server)
    sends: list[Callable[[], object]] = [
        lambda: app.send_task("t.add", (1, 2)),
        lambda: app.send_many([("t.add", (1, 2), {}), app.signature("t.add")]),
        lambda: group(app.signature("t.add"), app.signature("t.add")).delay(),
        lambda: patient.send_task("t.add", retry_policy=SOON),
        lambda: patient.signature("t.add").apply_async(retry_policy=SOON),
        lambda: patient.send_many([app.signature("t.add")], retry_policy=SOON),
    ]
    server.stop()
    threads = [threading.Thread(target=send) for send in sends]
    for thread in threads:
        thread.start()
    server.start()
    for thread in threads:
        thread.join(timeout=20)
    assert server.client.llen("celery") == 8


def test_without_retry_a_call_fails_at_once(server: Server) -> None:
    app = app_of(server, task_publish_retry_policy=NEVER)
    impatient = app_of(server, task_publish_retry=False, task_publish_retry_policy=NEVER)
    sends: list[Callable[[], object]] = [
        lambda: app.send_task("t.add", retry=False),
        lambda: app.signature("t.add", retry=False).delay(),
        lambda: app.send_many([("t.add", (), {})], retry=False),
        lambda: group(app.signature("t.add")).apply_async(retry=False),
        lambda: app.send_task("t.add", retry_policy={"max_retries": 0}),
        lambda: impatient.send_task("t.add"),
        lambda: impatient.send_task("t.add", retry=True, retry_policy={"interval_max": 0}),
    ]
    server.stop()
    for send in sends:
        with pytest.raises(BrokerUnavailable, match=str(server.socket)):
            send()
    server.start()


def test_a_policy_that_makes_no_sense(server: Server) -> None:
    with pytest.raises(ValueError, match=r"retry_policy must be a dict of max_retries.*it is {'retries': 3}"):
        app_of(server).send_task("t.add", retry_policy={"retries": 3})
