"""What a setting's value may be. A kind's `read` returns the value as the program uses it, or raises
ValueError; `expected` completes the sentence "… must be"."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from re import Pattern
from typing import Any, NamedTuple

from brokers.registry import SCHEMES
from brokers.retry_policy import RetryPolicy
from runtime import rates
from runtime.content_types import CONTENT_TYPES
from runtime.near import did_you_mean
from runtime.settings import queues


class Kind(NamedTuple):
    expected: str
    read: Callable[[Any], Any]
    names: Callable[[], Collection[str]] = tuple
    """Of what is known by its name: to find the one that was meant."""

    def refusal(self, value: Any) -> str:
        """What to say of a value that `read` does not take, behind what it is the value of."""
        parts = value if isinstance(value, list | tuple | set | frozenset) else (value,)
        wrong = [part for part in parts if isinstance(part, str) and part not in self.names()]
        hint = did_you_mean(wrong[0], self.names()) if wrong else ""
        return f"must be {self.expected}; it is {value!r:.200}{hint}"


def optional(kind: Kind) -> Kind:
    def read(value: Any) -> Any:
        return None if value is None else kind.read(value)

    return Kind(f"{kind.expected}, or None", read, kind.names)


def one_of(*choices: object) -> Kind:
    def read(value: Any) -> Any:
        if value not in choices:
            raise ValueError
        return value

    def names() -> list[str]:
        return [choice for choice in choices if isinstance(choice, str)]

    return Kind("one of " + ", ".join(map(repr, choices)), read, names)


def several(kind: Kind, expected: str) -> Kind:
    """A list of such."""

    def read(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
            raise ValueError
        return tuple(kind.read(item) for item in value)

    return Kind(expected, read, kind.names)


def either(first: Kind, second: Kind) -> Kind:
    def read(value: Any) -> Any:
        try:
            return first.read(value)
        except ValueError:
            return second.read(value)

    return Kind(f"{first.expected} or {second.expected}", read)


def whole(minimum: int) -> Kind:
    def read(value: Any) -> int:
        if type(value) is not int or value < minimum:
            raise ValueError
        return value

    return Kind(f"a whole number of at least {minimum}", read)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _modules(value: Any) -> tuple[str, ...]:
    """One alone may be text, as in Celery."""
    names: tuple[str, ...] = TEXTS.read((value,) if isinstance(value, str) else value)
    if any(name != name.strip(".") or "/" in name for name in names):
        raise ValueError
    return names


def _name(value: Any) -> str:
    return _text(getattr(value, "name", value))


def _url(value: Any) -> str:
    url = _text(value)
    if url.partition("://")[0] not in SCHEMES:
        raise ValueError
    return url


def _number(value: Any) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise ValueError
    return value


def _period(value: Any) -> float:
    seconds = _number(value)
    if seconds < 0.1:
        raise ValueError
    return seconds


def _class(value: Any) -> Any:
    if not (callable(value) or (isinstance(value, str) and value)):
        raise ValueError
    return value


def _priority(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 9:
        raise ValueError
    return value


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise ValueError
    return value


def _exceptions(value: Any) -> tuple[type[BaseException], ...]:
    classes = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(each, type) and issubclass(each, BaseException) for each in classes):
        raise ValueError
    return classes


def _rate(value: Any) -> Any:
    rates.per_second(value)
    return value


def _positive(value: Any) -> float:
    seconds = _number(value)
    if seconds == 0:
        raise ValueError
    return seconds


def _zone(value: Any) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = _text(value)
    if name == "UTC":
        return name  # there may be no others on this machine
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, OSError):  # OSError: a directory
        raise ValueError from None


def _zones() -> set[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return dict(value)


def _routes(value: Any) -> tuple[Any, ...]:
    """Functions stay as they are, or are imported when they are needed."""
    if isinstance(value, Mapping) or _is_router(value):
        value = (value,)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError
    if value and all(map(_is_route, value)):
        value = (value,)
    return tuple(item if _is_router(item) or isinstance(item, str) else _routed(item) for item in value)


def _is_router(value: Any) -> bool:
    return callable(value) or hasattr(value, "route_for_task")


def _routed(value: Any) -> dict[Any, Any]:
    """From a dict, or pairs of what it has."""
    pairs = value.items() if isinstance(value, Mapping) else value
    if not isinstance(pairs, Iterable) or any(not _is_route(pair) for pair in pairs):
        raise ValueError
    return dict(pairs)


def _is_route(pair: Any) -> bool:
    match pair:
        case [str() | Pattern(), str() | Mapping() | None]:
            return True
    return False


def _annotations(value: Any) -> tuple[Any, ...]:
    several = (value,) if isinstance(value, Mapping) or hasattr(value, "annotate") else value
    if isinstance(several, str) or not isinstance(several, Sequence):
        raise ValueError
    return tuple(each if hasattr(each, "annotate") else _annotated(each) for each in several)


def _annotated(value: Any) -> dict[str, dict[str, Any]]:
    return {_text(name): _mapping(to) for name, to in _mapping(value).items()}


def _autoscale(value: Any) -> tuple[int, int]:
    """Celery's form of the option is text; alone, the larger number stands for itself and 1."""
    if isinstance(value, str):
        numbers = [int(part) for part in value.split(",")]
    elif isinstance(value, Sequence):
        numbers = list(value)
    else:
        numbers = [value]
    if len(numbers) == 1:
        numbers.append(1)
    if len(numbers) != 2 or any(type(number) is not int for number in numbers):
        raise ValueError
    most, least = numbers
    if not 1 <= least <= most:
        raise ValueError
    return most, least


def _retry_policy(value: Any) -> dict[str, Any]:
    checked = _mapping(value)
    for name, each in checked.items():
        if name == "max_retries":
            if each is not None and (type(each) is not int or each < 0):
                raise ValueError
        elif name == "retry_errors":
            checked[name] = tuple(each or ())
            if not all(isinstance(error, type) and issubclass(error, Exception) for error in checked[name]):
                raise ValueError
        elif name in RetryPolicy._fields:
            checked[name] = _number(each)
        else:
            raise ValueError
    return checked


BOOLEAN = Kind("True or False", _boolean)
TEXT = Kind("a non-empty string", _text)
NAME = Kind("a name, or an object that has one, such as kombu's", _name)
URL = Kind(f"a URL of {', '.join(f'{scheme}://' for scheme in SCHEMES)}", _url)
SECONDS = Kind("a number of seconds (or a timedelta), not negative", _number)
PERIOD = Kind("a number of seconds (or a timedelta), at least 0.1", _period)
RATE = Kind(rates.EXPECTED, _rate)
POSITIVE = Kind("a number of seconds (or a timedelta) above 0", _positive)
TEXTS = several(TEXT, "a list of strings")
MODULES = Kind("a list of modules' names, such as 'proj.tasks'", _modules)
TIMEZONE = Kind(
    "a time zone that this machine knows, such as 'Europe/Berlin' (the package tzdata brings all)",
    _zone,
    _zones,
)
SERIALIZER = one_of(*CONTENT_TYPES)
CONTENT = several(
    one_of(*CONTENT_TYPES, *CONTENT_TYPES.values()),
    f"a list of serializers ({', '.join(CONTENT_TYPES)}) or their content types",
)
MAPPING = Kind("a dict", _mapping)
ROUTES = Kind(
    "a dict of task name or glob (or compiled pattern) to queue or options, a list of such pairs, a function "
    "or its name, or a list of all these",
    _routes,
)
ANNOTATIONS = Kind(
    "a dict of task name or '*' to a dict of options, an object whose annotate(task) returns such options, "
    "or a list of these",
    _annotations,
)
QUEUES = Kind(
    "a list of names or Queue objects, of direct or topic exchanges; or a dict of options", queues.read
)
AUTOSCALE = Kind("MAX,MIN: two numbers of slots, the larger one first, the other at least 1", _autoscale)
RETRY_POLICY = Kind(
    "a dict of max_retries (a number, or None: for ever), interval_start, interval_step, interval_max "
    "(seconds) and retry_errors (exception classes), any of them",
    _retry_policy,
)
PRIORITY = Kind("a whole number from 0 to 9", _priority)
MOMENT = Kind("a datetime", _moment)
CLASS = Kind("a class, or its name, such as 'proj.agents:Agent'", _class)
EXCEPTIONS = Kind("an exception class, or a tuple or list of such", _exceptions)
ANYTHING = Kind("any value", lambda value: value)
