"""Celery's JSON (PROTOCOL 3): values that JSON lacks travel as `{"__type__": …, "__value__": …}`.

orjson does the work wherever its answer would be the same as Python's json module's; the rest (typed
values, NaN, integers beyond 64 bits, keys that are not strings, …) goes through that module.
"""

from __future__ import annotations

import json
import marshal
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from runtime.errors import DecodeError, EncodeError

_AS_DIGITS = bytes(ord("0") if chr(code).isdecimal() and code < 128 else 0 for code in range(256))
_LONG_INTEGER = b"0" * 19
"""Digits that may be an integer beyond 64 bits, which orjson would silently read as a float. Looked for
by `bytes.translate`: a regular expression cost four times what orjson itself needs for a small body."""


def dumps(value: Any) -> bytes:
    """Raises EncodeError."""
    try:
        # marshal refuses, at the speed of C, whatever is not exactly a plain value. orjson would write
        # UUIDs, enums, dates and dataclasses in ways of its own, and cannot be told not to.
        marshal.dumps(value)
        encoded = orjson.dumps(value)
    except (ValueError, TypeError):
        return _dumps_any(value)
    # orjson writes NaN and infinities as null.
    return _dumps_any(value) if b"null" in encoded and value is not None else encoded


def loads(data: bytes) -> Any:
    """Raises DecodeError."""
    if b'"__type__"' in data or _LONG_INTEGER in data.translate(_AS_DIGITS):
        return _loads_any(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _loads_any(data)


def _dumps_any(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except RecursionError:
        raise EncodeError("cannot be written as JSON: it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001  (a value's __json__ is the user's code)
        raise EncodeError(f"cannot be written as JSON: {error}") from None


def _loads_any(data: bytes) -> Any:
    try:
        return json.loads(data, object_hook=_untyped)
    except RecursionError:
        raise DecodeError("not JSON that can be read: it is nested too deeply") from None
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise DecodeError(f"not JSON that can be read: {error}") from None


def _typed(value: Any) -> Any:
    """The JSON form of what the json module does not know."""
    own = getattr(value, "__json__", None)
    if own is not None:
        return own()
    for kind, (name, write) in _WRITERS.items():
        if isinstance(value, kind):
            return {"__type__": name, "__value__": write(value)}
    if isinstance(value, bytes):
        return _typed_bytes(value)
    raise TypeError(f"{type(value).__name__} is not JSON serializable: {value!r:.100}")


def _typed_bytes(value: bytes) -> dict[str, str]:
    try:
        return {"__type__": "bytes", "__value__": value.decode()}
    except UnicodeDecodeError:
        return {"__type__": "base64", "__value__": b64encode(value).decode()}


def _untyped(members: dict[str, Any]) -> Any:
    if members.keys() != {"__type__", "__value__"}:
        return members
    read = _READERS.get(members["__type__"])
    if read is None:
        raise ValueError(f"unknown __type__ {members['__type__']!r}")
    return read(members["__value__"])


_ENCODER = json.JSONEncoder(default=_typed)

# A datetime is a date too, so it comes first.
_WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    Decimal: ("decimal", str),
    UUID: ("uuid", lambda value: {"hex": value.hex}),
}
_READERS: dict[Any, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": lambda text: datetime.fromisoformat(text).date(),
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda value: UUID(hex=value["hex"]),
    "bytes": str.encode,
    "base64": b64decode,
}
