"""The message envelope: what is pushed to a list, one JSON object (PROTOCOL 3).

`parse` reads it without touching the body, which stays encoded until a child wants it.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson


class MalformedMessage(Exception):
    """These bytes are not an envelope; the message says what is wrong with them."""


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.decompress,
    "application/x-bz2": bz2.decompress,
    "application/x-lzma": lzma.decompress,
}


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
            body = self.body.encode()
            if self.properties.get("body_encoding") == "base64":
                body = b64decode(body, validate=True)
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
    fields = _decode(message)
    if type(fields) is not dict:
        raise MalformedMessage(f"not an object but {message[:40]!r}")
    try:
        envelope = Envelope(
            fields["body"],
            fields.get("content-type") or "application/json",
            fields.get("content-encoding") or "utf-8",
            fields["headers"],
            fields["properties"],
        )
    except KeyError as error:
        raise MalformedMessage(f"envelope has no {error}") from None
    for name in ("body", "content_type", "content_encoding"):
        if type(getattr(envelope, name)) is not str:
            raise MalformedMessage(f"{name} is not a string")
    if type(envelope.headers) is not dict or type(envelope.properties) is not dict:
        raise MalformedMessage("headers and properties are not both objects")
    return envelope


def _decode(message: bytes | memoryview) -> Any:
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError:
        pass
    # Celery writes with Python's json, which has NaN, infinities and halves of surrogate pairs.
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


def redelivered(message: bytes, deaths: int | None = None) -> bytes:
    """The same message, marked as redelivered in both places (PROTOCOL 8.3). What is no envelope
    is returned as it is.

    deaths: how many children have died running it; kept in its delivery info, where every worker
    that restores the message carries it on.
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
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return message
    return json.dumps(fields).encode()


MANY = 1_000_000
"""No message has killed so many children; a count beyond was never ours."""


def deaths(message: bytes) -> int:
    """How many children have died running this message, as far as it tells."""
    info = parse(message).properties.get("delivery_info")
    count = info.get("deaths", 0) if isinstance(info, dict) else 0
    return count if isinstance(count, int) and 0 <= count < MANY else 0
