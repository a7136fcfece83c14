"""Result documents (PROTOCOL 10.1). Encoding is on a child's hot path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from brokers.envelope import DECOMPRESSORS
from runtime import clocks
from runtime.errors import DecodeError
from runtime.protocol import json_dialect, serializers
from runtime.results import states
from runtime.results.exceptions import from_wire, to_wire

COMPRESSED = b"\x00celery-compressed\x00"
"""How a compressed document begins; its compression's type and a zero byte follow."""


class Described(Protocol):
    """What a document says about its task: a TaskMessage, a Request, or an About."""

    @property
    def id(self) -> str | None: ...
    @property
    def group(self) -> str | None: ...
    @property
    def parent_id(self) -> str | None: ...


class About(NamedTuple):
    """The task of a document when its message is not at hand."""

    id: str
    group: str | None = None
    parent_id: str | None = None


class Document(NamedTuple):
    """A document as read. `result`: the return value, the exception itself, or a state's meta."""

    state: str
    result: Any = None
    traceback: str | None = None
    children: Sequence[Any] = ()
    """References as stored (PROTOCOL 10.5)."""
    date_done: str | None = None
    """ISO; None unless the state is final."""
    fields: Mapping[str, Any] = {}
    """All members as stored, also those of `result_extended`."""


PENDING = Document(states.PENDING)


def encode(
    state: str,
    result: Any,
    *,
    message: Described,
    traceback: str | None = None,
    children: Sequence[Any] = (),
    extended: Mapping[str, Any] | None = None,
    serializer: str = "json",
) -> bytes:
    """`result`: a value, or for states.EXCEPTION an exception (or None). `extended`: the members that
    `result_extended` adds. Raises EncodeError."""
    if isinstance(result, BaseException) and state in states.EXCEPTION:
        result = to_wire(result)
    fields: dict[str, Any] = {
        "traceback": traceback,
        "children": children,
        "date_done": clocks.iso_now() if state in states.FINAL else None,
        "task_id": message.id,
    }
    if message.group:
        fields["group_id"] = message.group
    if message.parent_id:
        fields["parent_id"] = message.parent_id
    if extended:
        fields.update(extended)
    if serializer != "json":
        return serializers.encode({"status": state, **fields, "result": result}, serializer)
    # Status first: by that the scripts know a SUCCESS, which they never overwrite.
    head = (orjson.dumps(state), json_dialect.dumps(result))
    return b'{"status":%b,"result":%b,%b' % (*head, _plain(fields, extended or children)[1:])


def _plain(fields: dict[str, Any], dialect: object) -> bytes:
    """What is extended, and children, may need more than plain JSON; and a traceback may hold what is
    no text, half of a surrogate pair, which only Python's json writes."""
    if dialect:
        return json_dialect.dumps(fields)
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields).encode()


def decode(stored: bytes, serializer: str = "json") -> Document:
    """Raises DecodeError; SecurityError for an exception that is none."""
    fields = serializers.named(serializer).loads(_decompressed(stored))
    if not isinstance(fields, dict) or not isinstance(fields.get("status"), str):
        raise DecodeError(f"not a result document: {fields!r:.200}")
    state, result = fields["status"], fields.get("result")
    if state in states.EXCEPTION and result is not None:
        result = from_wire(result)
    return Document(
        state,
        result,
        fields.get("traceback"),
        fields.get("children") or (),
        fields.get("date_done"),
        fields,
    )


def _decompressed(stored: bytes) -> bytes:
    if not stored.startswith(COMPRESSED):
        return stored
    kind, _, data = stored.removeprefix(COMPRESSED).partition(b"\x00")
    decompress = DECOMPRESSORS.get(kind.decode("latin-1"))
    if decompress is None:
        raise DecodeError(f"compression {kind!r} of a result is not supported")
    try:
        return bytes(decompress(data))
    except Exception as error:  # noqa: BLE001  (each compression has its own)
        raise DecodeError(f"a result cannot be decompressed: {error}") from None
