"""The message that carries events: one of them, or an array (PROTOCOL 13.1)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import orjson

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.errors import DecodeError
from runtime.events.event import Event
from runtime.protocol import json_dialect

TASKS = "task.multi"
"""Routing key of an array of task events."""


def routing_key(type: str) -> str:
    """Of a single event."""
    return type.replace("-", ".")


def write(events: Event | Sequence[Event], exchange: str, key: str) -> bytes:
    """One event with the routing key of its type, or an array with that of its group; all from one host.
    Raises EncodeError."""
    first = events if isinstance(events, dict) else events[0]
    try:
        # Every member is of a plain type: json_dialect's care for others would take twice the time.
        body = orjson.dumps(events)
    except TypeError:  # half of a surrogate pair, in text that has come over the wire
        body = json_dialect.dumps(events)
    properties = {
        "delivery_mode": 1,
        "delivery_info": {"exchange": exchange, "routing_key": key},
        "priority": 0,
        "delivery_tag": str(uuid4()),
    }
    return envelope.build(body, {"hostname": first["hostname"]}, properties)


def read(message: bytes) -> list[Event]:
    """The events in it. One without a type or a hostname is none, and is left out; all other members may be
    missing, or anything.

    Raises MalformedMessage. Only JSON is accepted.
    """
    enveloped = envelope.parse(message)
    if enveloped.content_type != "application/json":
        raise MalformedMessage(f"content type {enveloped.content_type!r} is not accepted: only JSON is")
    try:
        body = json_dialect.loads(enveloped.content())
    except DecodeError as error:
        raise MalformedMessage(str(error)) from None
    events = body if isinstance(body, list) else [body]
    return [event for event in events if _is_event(event)]


def _is_event(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and isinstance(value.get("hostname"), str)
    )
