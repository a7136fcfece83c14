"""The printable form of arguments that travels in the headers (PROTOCOL 4.1): for logs and monitors
only, so cheap and bounded matter more than complete."""

from __future__ import annotations

from reprlib import Repr
from typing import Any

LIMIT = 1024
"""Characters."""

_SHORT = 200
"""Characters of a string, or members of a collection, that need no abbreviation."""


def _abbreviator() -> Repr:
    abbreviator = Repr()
    abbreviator.maxlevel = 3
    abbreviator.maxstring = abbreviator.maxother = abbreviator.maxlong = LIMIT
    abbreviator.maxtuple = abbreviator.maxlist = abbreviator.maxdict = 30
    abbreviator.maxset = abbreviator.maxfrozenset = abbreviator.maxdeque = abbreviator.maxarray = 30
    return abbreviator


_ABBREVIATOR = _abbreviator()


def text(value: tuple[Any, ...] | list[Any] | dict[str, Any]) -> str:
    """At most LIMIT characters. Objects whose own printable form fails are shown by their type."""
    if not value:
        return "{}" if isinstance(value, dict) else repr(value)
    members = value.values() if isinstance(value, dict) else value
    if len(value) > _SHORT or not all(map(_is_short, members)):
        printed = _ABBREVIATOR.repr(value)
    else:
        printed = repr(value)
    return printed if len(printed) <= LIMIT else printed[: LIMIT - 3] + "..."


def _is_short(member: Any) -> bool:
    kind = type(member)
    if kind is str:
        return len(member) <= _SHORT
    return kind in (float, bool) or member is None or (kind is int and -(2**64) < member < 2**64)
