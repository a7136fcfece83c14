"""Entries of the dead-letter list, written and read."""

from __future__ import annotations

import json

import pytest

from brokers.dead_letter import DeadLetter, Retention, encode, stamp

NOON = 1_800_000_000.0


def letter(message: bytes = b"m", **known: str) -> DeadLetter:
    return DeadLetter.read(encode(message, NOON, reason="why", node="w@h", **known))  # type: ignore[arg-type]


@pytest.mark.parametrize("message", [b"", b"text", b"\xff\x00\xfe", "é\x00".encode(), b'"time":"9"'])
def test_a_message_keeps_its_bytes(message: bytes) -> None:
    assert letter(message).message == message


def test_the_id_is_the_task_s_or_stays_the_same() -> None:
    assert letter(task="t", task_id="7").id == "7"
    assert letter(b"a").id == letter(b"a").id != letter(b"b").id
    assert len(letter().id) == 12


def test_all_that_is_known_can_be_read_again() -> None:
    entry = encode(
        b"m", NOON, reason="\ud800", node="w", task="t", deliveries=3, restores=2, traceback="Trace"
    )
    assert DeadLetter.read(entry).fields == {
        "time": "2027-01-15T08:00:00.000000+00:00",
        "reason": "\ud800",
        "node": "w",
        "task": "t",
        "id": None,
        "deliveries": 3,
        "restores": 2,
        "traceback": "Trace",
        "message": "m",
    }


@pytest.mark.parametrize(
    "entry", [b"", b"\xff", b"7", b"[]", b"{}", b"[" * 10_000, b'{"message": 1}', b'{"message_base64": "?"}']
)
def test_what_is_no_entry_is_a_letter_all_the_same(entry: bytes) -> None:
    found = DeadLetter.read(entry)
    assert (found.entry, found.message, found.time) == (entry, entry, "")
    assert json.dumps(found.fields)
    assert not found.is_meant((), "t", None)
    assert not found.is_meant((), None, 0)
    assert found.is_meant((found.id,), None, None)


def test_letters_are_chosen_by_id_task_and_time() -> None:
    found = letter(task="proj.add", task_id="7")
    assert found.is_meant((), None, None)
    assert found.is_meant(("6", "7"), "proj.add", NOON)
    assert found.is_meant((), "proj.*", NOON - 0.1)
    assert not found.is_meant(("6",), None, None)
    assert not found.is_meant((), "proj", None)
    assert not found.is_meant((), None, NOON + 0.1)


def test_retention_tells_the_oldest_time_that_is_kept() -> None:
    assert Retention(seconds=60).oldest(NOON) == stamp(NOON - 60)
    assert Retention(seconds=None).oldest(NOON) == Retention(seconds=0).oldest(NOON) == ""
    assert Retention(seconds=1e20).oldest(NOON) == stamp(0)


def test_times_are_in_order_as_text() -> None:
    times = [0, 0.5, 1, 1.000001, NOON, NOON + 1]
    assert [stamp(epoch) for epoch in times] == sorted(stamp(epoch) for epoch in times)
