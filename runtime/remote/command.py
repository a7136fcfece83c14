"""The message by which workers are told something (PROTOCOL 12.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeGuard
from uuid import uuid4

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.errors import DecodeError
from runtime.protocol import json_dialect

SKEW = 60.0
"""Seconds by which the clocks of hosts may differ: a command is not late before that."""


def exchange(namespace: str) -> str:
    """The fanout exchange of commands. namespace: the setting `control_exchange`."""
    return f"{namespace}.pidbox"


def reply_exchange(namespace: str) -> str:
    """The direct exchange of replies."""
    return f"reply.{namespace}.pidbox"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reply goes."""

    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Command:
    method: str
    arguments: dict[str, Any] = field(default_factory=dict)
    destination: Sequence[str] | None = None
    """Node names; None or none: all."""
    pattern: str | None = None
    matcher: str | None = None
    """Of a pattern for node names: `glob` or `pcre`."""
    ticket: str | None = None
    reply_to: Address | None = None
    """None: nobody wants a reply."""
    clock: int = 0
    expires: float = 0.0
    """Epoch seconds; 0: never."""

    def is_for(self, node: str) -> bool:
        if self.destination:
            return node in self.destination
        if self.pattern and self.matcher == "glob":
            return fnmatchcase(node, self.pattern)
        if self.pattern and self.matcher == "pcre":
            return re.match(self.pattern, node) is not None
        return True

    def is_late(self, epoch: float) -> bool:
        """Whether nobody can be waiting for it any more."""
        return bool(self.expires) and epoch > self.expires + SKEW


def write(command: Command) -> bytes:
    """Raises EncodeError."""
    body: dict[str, Any] = {
        "method": command.method,
        "arguments": command.arguments,
        "destination": command.destination,
        "pattern": command.pattern,
        "matcher": command.matcher,
    }
    if command.reply_to is not None:
        address = {"exchange": command.reply_to.exchange, "routing_key": command.reply_to.routing_key}
        body |= {"ticket": command.ticket, "reply_to": address}
    properties = {
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": ""},
        "priority": 0,
        "delivery_tag": str(uuid4()),
    }
    headers = {"clock": command.clock, "expires": command.expires}
    return envelope.build(json_dialect.dumps(body), headers, properties)


def read(message: bytes) -> Command:
    """Raises MalformedMessage. Only JSON is accepted."""
    enveloped = envelope.parse(message)
    body = _body(enveloped)
    method, arguments = body.get("method"), body.get("arguments") or {}
    if not is_text(method):
        raise MalformedMessage(f"method must be text, not {method!r:.100}")
    if not isinstance(arguments, dict):
        raise MalformedMessage(f"arguments must be an object, not {arguments!r:.100}")
    return Command(
        method,
        arguments,
        _destination(body.get("destination")),
        *_matcher(body.get("pattern"), body.get("matcher")),
        ticket=_optional_text("ticket", body.get("ticket")),
        reply_to=_address(body.get("reply_to")),
        clock=clock_of(enveloped.headers),
        expires=_expires(enveloped.headers.get("expires")),
    )


def is_text(value: object) -> TypeGuard[str]:
    """Half of a surrogate pair, which Python's json lets through, could be sent nowhere."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def clock_of(headers: dict[str, Any]) -> int:
    """0 for what is no clock."""
    clock = headers.get("clock")
    return clock if type(clock) is int and clock > 0 else 0


def _body(enveloped: envelope.Envelope) -> dict[str, Any]:
    if enveloped.content_type != "application/json":
        raise MalformedMessage(f"content type {enveloped.content_type!r} is not accepted: only JSON is")
    try:
        body = json_dialect.loads(enveloped.content())
    except DecodeError as error:
        raise MalformedMessage(str(error)) from None
    if not isinstance(body, dict):
        raise MalformedMessage(f"body must be an object, not {body!r:.100}")
    return body


def _destination(value: Any) -> list[str] | None:
    if value is not None and not (isinstance(value, list) and all(isinstance(node, str) for node in value)):
        raise MalformedMessage(f"destination must be an array of node names or null, not {value!r:.100}")
    return value


def _matcher(pattern: Any, matcher: Any) -> tuple[str | None, str | None]:
    _optional_text("pattern", pattern)
    if matcher not in (None, "glob", "pcre"):
        raise MalformedMessage(f"matcher must be 'glob' or 'pcre', not {matcher!r:.100}")
    if pattern and matcher == "pcre":
        try:
            re.compile(pattern)
        except re.error as error:
            raise MalformedMessage(f"pattern {pattern!r:.100} is no regular expression: {error}") from None
    return pattern, matcher


def _address(value: Any) -> Address | None:
    if not value:
        return None
    try:
        address = Address(value["exchange"], value["routing_key"])
    except (TypeError, KeyError):
        raise MalformedMessage(f"reply_to must name exchange and routing_key, not {value!r:.100}") from None
    if not (is_text(address.exchange) and is_text(address.routing_key)):
        raise MalformedMessage(f"reply_to must hold text, not {value!r:.100}")
    return address


def _optional_text(name: str, value: Any) -> str | None:
    if value is not None and not is_text(value):
        raise MalformedMessage(f"{name} must be text or null, not {value!r:.100}")
    return value


def _expires(value: Any) -> float:
    return float(value) if type(value) in (int, float) and value > 0 else 0.0
