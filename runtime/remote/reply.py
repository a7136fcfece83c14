"""The message by which a worker answers a command (PROTOCOL 12.2)."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.errors import DecodeError
from runtime.protocol import json_dialect
from runtime.remote.command import Command, clock_of


class Reply(NamedTuple):
    ticket: str | None
    """Of the command."""
    clock: int
    values: dict[str, Any]
    """Node name → what it says; there is one."""


def write(command: Command, node: str, value: Any, clock: int) -> bytes:
    """`command`: one with a `reply_to`. Raises EncodeError."""
    assert command.reply_to is not None
    properties = {
        "delivery_mode": 1,
        "delivery_info": {
            "exchange": command.reply_to.exchange,
            "routing_key": command.reply_to.routing_key,
        },
        "priority": 0,
        "delivery_tag": str(uuid4()),
    }
    headers = {"ticket": command.ticket, "clock": clock}
    return envelope.build(json_dialect.dumps({node: value}), headers, properties)


def read(message: bytes) -> Reply:
    """Raises MalformedMessage."""
    enveloped = envelope.parse(message)
    try:
        values = json_dialect.loads(enveloped.content())
    except DecodeError as error:
        raise MalformedMessage(str(error)) from None
    if not isinstance(values, dict):
        raise MalformedMessage(f"a reply must be an object, not {values!r:.100}")
    return Reply(enveloped.headers.get("ticket"), clock_of(enveloped.headers), values)
