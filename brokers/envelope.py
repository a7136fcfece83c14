"""The message envelope: what is pushed to a list, one JSON object (PROTOCOL 3).

`parse` reads it without touching the body, which stays encoded until a child wants it.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson


class MalformedMessage(Exception):
    """These bytes are not an envelope; the message says what is wrong with them."""


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.decompress,
    "application/x-bz2": bz2.decompress,
    "application/x-lzma": lzma.decompress,
}

COUNTS = ("deaths", "restores")
"""What `redelivered` keeps in a message's delivery info beside Celery's own."""


@dataclass(slots=True)
class Envelope:
    body: str
    content_type: str
    content_encoding: str
    headers: dict[str, Any]
    properties: dict[str, Any]

    @property
    def priority(self) -> int:
        """0 to 9; what is out of range or no number counts as its nearest bound, or 0."""
        value = self.properties.get("priority")
        return min(max(value, 0), 9) if isinstance(value, int) else 0

    def content(self) -> bytes:
        """The serialised body: base64 and compression undone. Raises MalformedMessage."""
        try:
            if self.properties.get("body_encoding") == "base64":
                body = a2b_base64(self.body, strict_mode=True)
            else:
                body = self.body.encode()
            compression = self.headers.get("compression")
            if compression is None:
                return body
            decompress = DECOMPRESSORS.get(str(compression))
            if decompress is None:
                raise MalformedMessage(f"compression {compression!r} is not supported")
            return decompress(body)
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            raise MalformedMessage(f"body cannot be decompressed: {error}") from None
        except ValueError as error:
            raise MalformedMessage(f"body is neither base64 nor text: {error}") from None


def parse(message: bytes | memoryview) -> Envelope:
    """Raises MalformedMessage unless it is an object with a string body, headers and properties."""
    try:
        fields = orjson.loads(message)
    except orjson.JSONDecodeError:
        fields = _as_python_reads(message)
    if type(fields) is not dict:
        raise MalformedMessage(f"not an object but {message[:40]!r}")
    try:
        body, headers, properties = fields["body"], fields["headers"], fields["properties"]
    except KeyError as error:
        raise MalformedMessage(f"envelope has no {error}") from None
    content_type = fields.get("content-type") or "application/json"
    content_encoding = fields.get("content-encoding") or "utf-8"
    if not (type(body) is type(content_type) is type(content_encoding) is str):
        raise MalformedMessage("body, content-type or content-encoding is not a string")
    if not (type(headers) is type(properties) is dict):
        raise MalformedMessage("headers and properties are not both objects")
    return Envelope(body, content_type, content_encoding, headers, properties)


def _as_python_reads(message: bytes | memoryview) -> Any:
    """Celery writes with Python's json, which has NaN, infinities and halves of surrogate pairs."""
    try:
        return json.loads(bytes(message))
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"not JSON: {error}") from None


def build(
    body: bytes,
    headers: dict[str, Any],
    properties: dict[str, Any],
    content_type: str = "application/json",
    content_encoding: str = "utf-8",
) -> bytes:
    """An envelope with this (serialised, perhaps compressed) body, base64-encoded as Celery does.
    `properties` get their `body_encoding` here. Raises orjson.JSONEncodeError."""
    return orjson.dumps(
        {
            "body": b64encode(body).decode(),
            "content-encoding": content_encoding,
            "content-type": content_type,
            "headers": headers,
            "properties": {**properties, "body_encoding": "base64"},
        }
    )


def addressed(message: bytes, queue: str) -> bytes:
    """A copy of a message for one more queue. Its tag is its own: a Celery worker keeps messages by tags."""
    fields = json.loads(message)
    info = {"exchange": "", "routing_key": queue}
    fields["properties"] |= {"delivery_tag": str(uuid4()), "delivery_info": info}
    return json.dumps(fields).encode()


def redelivered(message: bytes, deaths: int | None = None, restored: bool = False) -> bytes:
    """The same message, marked as redelivered in both places (PROTOCOL 8.3). What is no envelope
    is returned as it is.

    Two counts are kept in its delivery info, where every worker that restores the message carries
    them on. deaths: how many children have died running it. restored: it comes back from a worker
    that died; one more.
    """
    try:
        # Not orjson: it would change NaN, and integers above 64 bits.
        fields = json.loads(message)
        info = fields["properties"].get("delivery_info")
        if not isinstance(info, dict):
            info = fields["properties"]["delivery_info"] = {}
        fields["headers"]["redelivered"] = True
        info["redelivered"] = True
        if deaths is not None:
            info["deaths"] = deaths
        if restored:
            info["restores"] = _count(info, "restores") + 1
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return message
    return json.dumps(fields).encode()


MANY = 1_000_000
"""No message has killed so many; a count beyond was never ours."""


def uncounted(message: bytes) -> bytes:
    """The same message without its counts of deaths and restores; if it has none, its very bytes."""
    try:
        fields = json.loads(message)
        info = fields["properties"]["delivery_info"]
        if info.keys().isdisjoint(COUNTS):
            return message
        for count in COUNTS:
            info.pop(count, None)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return message
    return json.dumps(fields).encode()


def deaths(properties: dict[str, Any]) -> int:
    """How many children have died running the message with these properties, as far as it tells."""
    return _count(properties.get("delivery_info"), "deaths")


def restores(properties: dict[str, Any]) -> int:
    """How many workers have died that had the message with these properties in their care."""
    return _count(properties.get("delivery_info"), "restores")


def _count(info: Any, name: str) -> int:
    """A producer may have written anything there."""
    count = info.get(name) if type(info) is dict else None
    return count if type(count) is int and 0 <= count < MANY else 0
