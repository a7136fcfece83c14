"""The body of a task message (PROTOCOL 4.2): arguments, and what is to follow."""

from __future__ import annotations

from types import NoneType
from typing import Any, NamedTuple

from brokers.envelope import Envelope, MalformedMessage
from runtime.errors import ContentDisallowed, DecodeError
from runtime.protocol import protocol1, serializers

EMBEDDED = ("callbacks", "errbacks", "chain", "chord")
NOTHING_EMBEDDED: dict[str, Any] = dict.fromkeys(EMBEDDED)


class Body(NamedTuple):
    args: list[Any]
    kwargs: dict[str, Any]
    embed: dict[str, Any]
    """`callbacks`, `errbacks` and `chain`: lists of signatures or None; `chord`: a signature or None."""


def read(envelope: Envelope, accept: frozenset[str]) -> Body:
    """`accept`: from serializers.accepted_types.

    Raises ContentDisallowed, or MalformedMessage for what cannot be decoded or has another shape.
    """
    try:
        members = serializers.decode(envelope.content(), envelope.content_type, accept)
    except ContentDisallowed:
        raise
    except DecodeError as error:
        raise MalformedMessage(f"body is {error}") from None
    if isinstance(members, dict) and "task" in members:
        members = protocol1.body(members)
    try:
        args, kwargs, embed = members
    except (TypeError, ValueError):
        raise MalformedMessage(f"body must be [args, kwargs, embed], not {members!r:.100}") from None
    if type(args) is not list:
        args = _list(args)
    if type(kwargs) is not dict or (kwargs and not all(isinstance(name, str) for name in kwargs)):
        raise MalformedMessage(f"kwargs must be an object, not {kwargs!r:.100}")
    if embed is None:
        embed = NOTHING_EMBEDDED
    elif embed != NOTHING_EMBEDDED:
        _check_embedded(embed)
    return Body(args, kwargs, embed)


def _list(args: Any) -> list[Any]:
    if not isinstance(args, (list, tuple)):
        raise MalformedMessage(f"args must be an array, not {args!r:.100}")
    return list(args)


def _check_embedded(embed: Any) -> None:
    if not isinstance(embed, dict):
        raise MalformedMessage(f"the body's third member must be an object, not {embed!r:.100}")
    for name in ("callbacks", "errbacks", "chain"):
        if not isinstance(embed.get(name), (list, tuple, NoneType)):
            raise MalformedMessage(f"{name} must be an array of signatures, not {embed[name]!r:.100}")
