"""Entries of the dead-letter list: what could not be done, kept for an operator."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime

import orjson


def entry(
    message: bytes,
    *,
    reason: str,
    node: str,
    task: str | None = None,
    task_id: str | None = None,
    deliveries: int = 0,
    traceback: str | None = None,
) -> bytes:
    """One JSON object. The message's bytes are kept exactly: as text where they are text, else in
    base64."""
    fields: dict[str, object] = {
        "reason": reason,
        "time": datetime.now(UTC).isoformat(),
        "node": node,
        "task": task,
        "id": task_id,
        "deliveries": deliveries,
        "traceback": traceback,
    }
    try:
        fields["message"] = message.decode()
    except UnicodeDecodeError:
        fields["message_base64"] = b64encode(message).decode()
    try:
        return orjson.dumps(fields)
    except TypeError:  # halves of surrogate pairs, or numbers beyond 64 bits: only Python's json writes these
        return json.dumps(fields).encode()
