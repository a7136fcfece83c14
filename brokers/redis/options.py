"""The options of a Redis broker, its TLS and its sentinels: names, types, defaults, meaning."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

TRUTHS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    truth = TRUTHS.get(str(value).lower())
    if truth is None:
        raise ValueError("true or false")
    return truth


def _seconds(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise ValueError("a number of seconds, 0 or more")
    return seconds


def _seconds_or_never(value: object) -> float | None:
    return None if value is None or value == "None" else _seconds(value)


def _count(value: object) -> int:
    try:
        count = int(str(value))
    except ValueError:
        count = 0
    if isinstance(value, bool) or count < 1:
        raise ValueError("a whole number above 0")
    return count


def _count_or_zero(value: object) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError("a whole number, 0 or more")
    return int(str(value))


def _count_or_none(value: object) -> int | None:
    return None if value is None or value == "None" else _count(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a string that is not empty")
    return value


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of names to values")
    return value


def _prefix(value: object) -> bool | str:
    """`fanout_prefix`: on, off, or the prefix itself (PROTOCOL 1)."""
    if isinstance(value, str) and value.lower() not in TRUTHS:
        return value
    return _flag(value)


def _steps(value: object) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    allowed = [str(priority) for priority in range(10)]
    if not isinstance(parts, list | tuple | range) or not {"0"} <= set(map(str, parts)) <= set(allowed):
        raise ValueError("a list of priorities from 0 to 9, 0 among them")
    return tuple(sorted(set(map(int, parts))))


def _choice(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(" or ".join(map(repr, choices)))
        return str(value)

    return read


def _verification(value: object) -> str:
    """`ssl_cert_reqs`, also as Celery's users write it: `CERT_NONE`, or `ssl.CERT_NONE` itself."""
    text = getattr(value, "name", str(value)).lower().removeprefix("cert_")
    if text not in ("none", "optional", "required"):
        raise ValueError("'none', 'optional' or 'required'")
    return text


def _option(default: Any, read: Callable[[object], object]) -> Any:
    """A field together with how its value is read; `read` raises ValueError(<what would be right>)."""
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """The transport options, under Celery's names and with its defaults (PROTOCOL 8.4, 16).

    All workers and clients of one broker must agree on those that name or order keys.
    """

    visibility_timeout: float = _option(3600.0, _seconds)
    """Seconds after which a Celery peer takes an unacknowledged message for abandoned."""
    priority_steps: tuple[int, ...] = _option((0, 3, 6, 9), _steps)
    sep: str = _option("\x06\x16", _name)
    queue_order_strategy: str = _option("round_robin", _choice("round_robin", "sorted", "priority"))
    unacked_key: str = _option("unacked", _name)
    unacked_index_key: str = _option("unacked_index", _name)
    unacked_mutex_key: str = _option("unacked_mutex", _name)
    unacked_mutex_expire: float = _option(300.0, _seconds)
    unacked_restore_limit: int | None = _option(None, _count_or_none)
    unacked_restore_interval: float = _option(10.0, _seconds)
    unacked_restore_throttle: int = _option(10, _count)
    polling_interval: float = _option(1.0, _seconds)
    fanout_prefix: bool | str = _option(True, _prefix)
    fanout_patterns: bool = _option(True, _flag)
    global_keyprefix: str = _option("", _text)
    body_encoding: str = _option("base64", _choice("base64"))
    socket_timeout: float | None = _option(10.0, _seconds_or_never)
    """Seconds without an answer after which a connection counts as dead. Blocking waits add theirs."""
    socket_connect_timeout: float | None = _option(5.0, _seconds_or_never)
    socket_keepalive: bool = _option(True, _flag)
    health_check_interval: float = _option(25.0, _seconds)
    """Seconds that a connection may idle before it is tried with a PING."""
    max_connections: int | None = _option(None, _count_or_none)
    retry_on_timeout: bool = _option(True, _flag)
    """Taken because Celery's configurations have it. Time-outs are always retried."""
    client_name: str | None = _option(None, _text_or_none)
    result_chord_ordered: bool = _option(True, _flag)
    """Of a result store: the body of a chord gets results in the order of the header, not of their ends."""


@dataclass(frozen=True, slots=True)
class TLS:
    """How to speak TLS; the names are redis-py's and Celery's."""

    ssl_cert_reqs: str = _option("required", _verification)
    ssl_ca_certs: str | None = _option(None, _text_or_none)
    ssl_certfile: str | None = _option(None, _text_or_none)
    ssl_keyfile: str | None = _option(None, _text_or_none)
    ssl_check_hostname: bool = _option(True, _flag)


@dataclass(frozen=True, slots=True)
class SentinelOptions:
    """The transport options of a `sentinel://` URL, under Celery's names."""

    master_name: str = _option("", _name)
    """Under which the sentinels know the master."""
    sentinel_kwargs: Mapping[str, object] = field(default_factory=dict, metadata={"read": _mapping})
    """How to speak to the sentinels themselves: `SentinelLogin`, `TLS` and `socket_…` options."""
    ssl: bool = _option(False, _flag)
    """Whether the master, not the sentinels, speaks TLS; so it does if a `TLS` option is given."""
    min_other_sentinels: int = _option(0, _count_or_zero)
    """A sentinel that sees fewer others is not believed."""
    sentinel_fanout_compat: bool = _option(False, _flag)
    """Taken because Celery's configurations have it. Nothing is broadcast yet."""


@dataclass(frozen=True, slots=True)
class SentinelLogin:
    """What `sentinel_kwargs` say of the sentinels, under redis-py's names."""

    username: str | None = _option(None, _text_or_none)
    password: str | None = _option(None, _text_or_none)
    ssl: bool = _option(False, _flag)


Options = TypeVar("Options", TransportOptions, TLS, SentinelOptions, SentinelLogin)


def names(kind: type[Options]) -> list[str]:
    return [each.name for each in fields(kind)]


def read(kind: type[Options], given: Mapping[str, object]) -> Options:
    """The options that are `given`, checked, and the defaults of the others.

    Raises ValueError naming the option, its value, and what would be right.
    """
    known = {each.name: each.metadata["read"] for each in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
            raise ValueError(f"unknown transport option {name!r} (value {value!r}): did you mean {near!r}?")
        try:
            values[name] = known[name](value)
        except ValueError as error:
            raise ValueError(f"transport option {name}={value!r}: must be {error}") from None
    return kind(**values)
