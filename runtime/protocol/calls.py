"""From a call, a name with arguments and send options, to the message that makes it.

Options are those of `apply_async`, which PROTOCOL 5 lists. Where one is given in several places, the
caller goes before the route (`task_routes`), and that before what the task declares.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from brokers.envelope import addressed
from brokers.interface import Push
from runtime import clocks
from runtime.near import did_you_mean
from runtime.protocol.bounds import check_priority
from runtime.protocol.build import build
from runtime.protocol.ids import new_id
from runtime.protocol.routing import route
from runtime.settings import Settings

PASSED_ON = {
    "time_limit": "time_limit",
    "soft_time_limit": "soft_time_limit",
    "root_id": "root_id",
    "parent_id": "parent_id",
    "group_id": "group",
    "group_index": "group_index",
    "shadow": "shadow",
    "ignore_result": "ignore_result",
    "retries": "retries",
    "replaced_task_nesting": "replaced_task_nesting",
    "chain": "chain",
    "chord": "chord",
    "reply_to": "reply_to",
    "origin": "origin",
    "headers": "headers",
    "argsrepr": "argsrepr",
    "kwargsrepr": "kwargsrepr",
}
"""Send option → parameter of `build`."""

PROPERTIES = frozenset(
    {"app_id", "message_id", "user_id", "type", "cluster_id", "delivery_mode", "timestamp"}
)
"""Options that become properties of the message as they are."""

TREATED = frozenset(
    {
        "task_id",
        "queue",
        "exchange",
        "routing_key",
        "priority",
        "countdown",
        "eta",
        "expires",
        "link",
        "link_error",
        "serializer",
        "compression",
        "stamped_headers",
    }
)
IGNORED = frozenset({"retry", "retry_policy", "add_to_parent", "chord_size"})
"""Options that say nothing about the message."""


def complete(
    conf: Settings,
    name: str,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    options: Mapping[str, Any],
    declared: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """All options of a call. `declared`: what the task itself says of queue, priority, serializer, time
    limits ….  Raises as `routing.route`."""
    routed = route(conf, name, args, kwargs, options) if conf.task_routes else None
    if declared or routed:
        return {**(declared or {}), **(routed or {}), **options}
    return options


def compose(
    conf: Settings,
    name: str,
    args: tuple[Any, ...] | list[Any],
    kwargs: dict[str, Any],
    options: Mapping[str, Any],
    queues: Sequence[str],
) -> list[Push]:
    """One message for each of the queues. `options`: complete.

    Raises TypeError for an option that does not exist, ValueError for a time that makes no sense,
    EncodeError for what cannot be serialised.
    """
    given: dict[str, Any] = {}
    properties: dict[str, Any] | None = None
    for option, value in options.items():
        parameter = PASSED_ON.get(option)
        if parameter is not None:
            given[parameter] = value
        elif option in PROPERTIES:
            properties = {**(properties or {}), option: value}
        elif option not in TREATED and option not in IGNORED and option not in _stamps(options):
            raise TypeError(_unknown(name, option))
    get = options.get
    if stamps := _stamps(options):
        given["stamped_headers"] = stamps
        given["stamps"] = {stamp: options[stamp] for stamp in stamps if stamp in options}
    priority = get("priority")
    check_priority(priority)
    first = build(
        name,
        args,
        kwargs,
        id=get("task_id") or new_id(),
        queue=queues[0],
        priority=conf.task_default_priority if priority is None else priority,
        eta=due(conf, get("countdown"), get("eta")),
        expires=_moment(conf, "expires", get("expires")),
        callbacks=_listed(get("link")),
        errbacks=_listed(get("link_error")),
        serializer=get("serializer") or conf.task_serializer,
        compression=get("compression") or conf.task_compression,
        properties=properties,
        **given,
    )
    return [
        first,
        *(first._replace(queue=queue, message=addressed(first.message, queue)) for queue in queues[1:]),
    ]


def due(conf: Settings, countdown: Any, eta: Any) -> float | None:
    """Epoch seconds at which a task with these options may start; None: at once."""
    if countdown:
        return _from_now("countdown", countdown)
    if eta is not None and not isinstance(eta, datetime | str):
        raise TypeError(f"eta must be a datetime (or ISO text), not {eta!r}; seconds go into countdown")
    return _moment(conf, "eta", eta)


def _moment(conf: Settings, option: str, value: Any) -> float | None:
    """Epoch seconds of a datetime, of ISO text, or of so many seconds from now."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return clocks.epoch(value)
        except ValueError as error:
            raise ValueError(f"{option} is no time of ISO 8601: {error}") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=clocks.zone(conf.timezone))
        return float(value.timestamp())
    return _from_now(option, value)


def _from_now(option: str, value: Any) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"{option} must be seconds, not {value!r}")
    if not isfinite(seconds):
        raise ValueError(f"{option} must be a finite number of seconds, not {value!r}")
    return time.time() + seconds


def _listed(signatures: Any) -> list[Any] | None:
    """One signature, several, or none: as an array."""
    if not signatures:
        return None
    return list(signatures) if isinstance(signatures, list | tuple) else [signatures]


def _stamps(options: Mapping[str, Any]) -> list[str]:
    return list(options.get("stamped_headers") or ())


def _unknown(name: str, option: str) -> str:
    hint = did_you_mean(option, (*PASSED_ON, *PROPERTIES, *TREATED, *IGNORED))
    return f"task {name} cannot be sent with {option!r}{hint}"
