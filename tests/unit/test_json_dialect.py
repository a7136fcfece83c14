from __future__ import annotations

import enum
import math
from collections import namedtuple
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils import json as untyped_kombus

from runtime.errors import DecodeError, EncodeError
from runtime.protocol.json_dialect import dumps, loads

kombus: Any = untyped_kombus

VALUES: list[Any] = [
    None,
    [1, 2.5, True, None, "é", ""],
    {"a": {"b": [{}]}},
    datetime(2026, 11, 22, 15, 0, 31, 650073, tzinfo=UTC),
    [date(2026, 11, 22), time(15, 0, 31)],
    {"price": Decimal("1.10")},
    UUID("12345678123456781234567812345678"),
    [b"text", b"\xff\x00"],
    [2**64, -(2**63) - 1, 2**200, 2**63],
    {"__type__": "kept", "more": 1},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_is_the_dialect_of_kombu(value: Any) -> None:
    assert kombus.loads(dumps(value)) == value
    assert loads(kombus.dumps(value).encode()) == value
    assert loads(dumps(value)) == value


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(trees)
def test_plain_values_survive_and_kombu_reads_them(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert kombus.loads(dumps(value)) == value


class Colour(enum.StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")


class Own:
    def __json__(self) -> dict[str, int]:
        return {"own": 1}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (Colour.RED, "red"),
        ({2: "x", None: "y", True: "z"}, {"2": "x", "null": "y", "true": "z"}),
        ([Own()], [{"own": 1}]),
        (float("inf"), float("inf")),
    ],
    ids=["tuples", "named tuple", "enumeration", "keys", "own form", "infinity"],
)
def test_what_python_writes_otherwise(value: Any, read: Any) -> None:
    assert loads(dumps(value)) == read


def test_nan_is_kept() -> None:
    assert math.isnan(loads(dumps([None, float("nan")]))[1])


class Broken:
    def __json__(self) -> object:
        raise KeyError("own fault")


deep: list[Any] = []
for _ in range(10_000):
    deep = [deep]


@pytest.mark.parametrize(
    "value", [object(), {(1, 2): 3}, {1, 2}, Broken(), deep, [print]], ids=lambda value: type(value).__name__
)
def test_what_cannot_be_written_is_one_error(value: Any) -> None:
    with pytest.raises(EncodeError, match="cannot be written as JSON"):
        dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 100_000,
        b"9" * 5_000,
        b'{"__type__": "unknown", "__value__": 1}',
        b'{"__type__": [], "__value__": 1}',
        b'{"__type__": "datetime", "__value__": 3}',
        b'{"__type__": "decimal", "__value__": "x"}',
        b'{"__type__": "uuid", "__value__": {}}',
        b'{"__type__": "base64", "__value__": "\xc3\xa9"}',
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_cannot_be_read_is_one_error(data: bytes) -> None:
    with pytest.raises(DecodeError, match="not JSON that can be read"):
        loads(data)
