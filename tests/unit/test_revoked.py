"""What is remembered of revoked tasks (`runtime.worker.revoked`)."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.protocol.task_message import TaskMessage
from runtime.worker import revoked as module
from runtime.worker.revoked import Revoked


def task(id: str = "1", **stamps: Any) -> TaskMessage:
    message = TaskMessage()
    message.id, message.headers = id, {"stamps": stamps}
    return message


def test_ids_and_stamps_are_remembered() -> None:
    revoked = Revoked()
    assert not revoked
    revoked.add(["1", "2"])
    revoked.add_stamps({"monitor": ["a", "b"], "number": 7})
    assert revoked.ids() == ["1", "2"]
    assert task("2") in revoked
    assert task("3") not in revoked
    assert task("3", monitor="b") in revoked
    assert task("3", monitor=["x", "a"]) in revoked
    assert task("3", number=7) in revoked
    assert task("3", monitor="c", other="a") not in revoked


def test_a_message_may_hold_anything_as_stamps() -> None:
    revoked = Revoked()
    revoked.add_stamps({"monitor": "a"})
    for stamps in (["monitor"], "monitor", 7, None):
        message = task()
        message.headers = {"stamps": stamps}
        assert message not in revoked


def test_beyond_the_bound_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    revoked = Revoked()
    revoked.add("1234")
    assert revoked.ids() == ["2", "3", "4"]
    revoked.add("25")
    assert revoked.ids() == ["4", "2", "5"]


def test_after_hours_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXPIRES", 0.0)
    revoked = Revoked()
    revoked.add("1")
    assert task("1") not in revoked
    assert revoked.ids() == []
