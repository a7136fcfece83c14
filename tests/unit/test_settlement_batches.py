"""Settlements as arguments of settle.lua, in calls of bounded size."""

from __future__ import annotations

from brokers.interface import Push, Settlement, Write
from brokers.redis.address import parse
from brokers.redis.keys import keys_of
from brokers.redis.scripts import Argument
from brokers.redis.settlement import LARGEST, MOST, Batch, batches, documents

ADDRESS = parse("redis://h")
KEYS = keys_of(ADDRESS)


def encoded(*settlements: Settlement) -> list[Batch]:
    return list(batches(settlements, ADDRESS, KEYS, ["mine"]))


def test_nothing() -> None:
    assert encoded() == []


def test_removals_go_first() -> None:
    push = Settlement("t1", pushes=[Push("q", b"m", 9, head=True)])
    settlements = (push, Settlement("t2"), Settlement("t3"))
    [batch] = encoded(*settlements)
    assert batch == Batch(
        settlements, [2, "t2", "t3", "t1", 0, 0, 1, "q\x06\x169", b"m", "RPUSH", 0], feeds_us=False
    )


def test_all_effects() -> None:
    writes = [Write("k1", b"d1", 5), Write("k2", b"d2", 0, ("PENDING", "RETRY"))]
    settlement = Settlement("", writes, [Push("mine", b"m")], ("q", b"entry"))
    [batch] = encoded(settlement)
    expected: list[Argument] = [
        0,
        "",
        0,
        2,
        "k1",
        b"d1",
        5,
        "",
        "k2",
        b"d2",
        0,
        "PENDING RETRY",
        1,
        "mine",
        b"m",
        "LPUSH",
        1,
        "runtime.dead.q",
        b"entry",
    ]
    assert batch == Batch((settlement,), expected, feeds_us=True)


def test_split_by_number_and_by_size() -> None:
    assert [len(each.settlements) for each in encoded(*[Settlement("t")] * (2 * MOST + 1))] == [MOST, MOST, 1]
    big = Settlement("t", [Write("k", b"x" * LARGEST, 0)])
    assert [len(each.settlements) for each in encoded(big, Settlement("t"), big)] == [1, 2]
    assert len(list(documents([big] * 3))) == 3
    small = Settlement("t", [Write("k", b"d", 1)])
    assert list(documents([small] * 2)) == [([small] * 2, [0, 1, "k", b"d", 1, ""] * 2)]
