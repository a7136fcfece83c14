"""What is remembered of revoked tasks (`runtime.worker.revoked`)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ImproperlyConfigured
from runtime.protocol.task_message import TaskMessage
from runtime.worker import revoked as module
from runtime.worker.revoked import Revoked
from runtime.worker.statedb import StateDB


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


def test_what_is_revoked_outlives_the_worker(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    statedb = StateDB(path)
    revoked = Revoked(statedb)
    revoked.add(["1", "2"])
    revoked.add_stamps({"monitor": ["a"]})
    revoked.add(["1"])
    statedb.close()
    again = StateDB(path)
    revoked = Revoked(again)
    assert revoked.ids() == ["2", "1"]
    assert task("3", monitor="a") in revoked
    again.close()


def test_what_is_to_be_forgotten_leaves_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    statedb = StateDB(path)
    statedb.remember({("", "old"): 1.0, ("", "new"): time.time() + 60})
    statedb.close()
    again = StateDB(path)
    assert list(again.known()) == [("", "new")]
    again.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("something else, and long enough" * 100)
    with pytest.raises(ImproperlyConfigured, match=r"state' cannot be used: file is not a database"):
        StateDB(str(path))
    with pytest.raises(ImproperlyConfigured, match="unable to open database file"):
        StateDB(str(tmp_path / "nowhere" / "state"))
