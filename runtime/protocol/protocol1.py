"""Protocol 1 (PROTOCOL 4.1): the body is one object that holds everything. Read, never written."""

from __future__ import annotations

from typing import Any

from brokers.envelope import Envelope, MalformedMessage
from runtime.errors import DecodeError
from runtime.protocol import serializers

ACCEPTED = serializers.accepted_types(["json"])
"""The supervisor has to decode these bodies, so nothing but JSON will do."""


def headers(envelope: Envelope) -> dict[str, Any]:
    """Protocol 2 headers for this message. Raises MalformedMessage."""
    try:
        fields = serializers.decode(envelope.content(), envelope.content_type, ACCEPTED)
    except DecodeError as error:
        raise MalformedMessage(f"no task header, and the body is {error}") from None
    if not isinstance(fields, dict) or "task" not in fields:
        raise MalformedMessage("no task header, and the body is no protocol 1 task")
    found = {name: fields.get(name) for name in ("task", "id", "group_index", "eta", "expires", "timelimit")}
    return {
        **envelope.headers,
        **found,
        "group": fields.get("group") or fields.get("taskset"),
        "retries": fields.get("retries") or 0,
    }


def body(fields: dict[str, Any]) -> list[Any]:
    """The three members of a protocol 2 body."""
    embed = {name: fields.get(name) for name in ("callbacks", "errbacks", "chord")}
    return [fields.get("args") or [], fields.get("kwargs") or {}, {**embed, "chain": None}]
