"""The options of a `celery worker` command line, by their long names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from runtime.errors import ImproperlyConfigured


class Option(NamedTuple):
    name: str
    """As in `equals.OPTIONS`."""
    value: str | None
    """None: a flag."""


def known() -> dict[str, Any]:
    """Each way to write an option of Celery's worker → its click parameter."""
    from celery.bin.worker import worker

    return {way: param for param in worker.params for way in (*param.opts, *param.secondary_opts)}


def name_of(param: Any) -> str:
    """Its first long one."""
    long: str = next(way for way in param.opts if way.startswith("--"))
    return long


def parse(arguments: Sequence[str]) -> list[Option]:
    """Those given after `celery worker`. Raises ImproperlyConfigured for what it does not know."""
    ways = known()
    found = []
    left = list(arguments)
    while left:
        given = left.pop(0)
        way, separator, value = given.partition("=") if given.startswith("--") else (given[:2], "", given[2:])
        if way not in ways:
            raise ImproperlyConfigured(f"{given!r} is no option of `celery worker`")
        param = ways[way]
        if param.is_flag:
            found.append(Option(name_of(param), None))
        elif separator or value:
            found.append(Option(name_of(param), value))
        elif left:
            found.append(Option(name_of(param), left.pop(0)))
        else:
            raise ImproperlyConfigured(f"option {given} of `celery worker` needs a value")
    return found
