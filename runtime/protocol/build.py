"""A task message, from a call (PROTOCOL 3 and 4). On the client's hot path."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from brokers import envelope
from brokers.interface import Push
from runtime import clocks, hooks
from runtime.errors import EncodeError
from runtime.protocol import json_dialect, serializers
from runtime.protocol.argument_text import text
from runtime.protocol.body import NOTHING_EMBEDDED
from runtime.protocol.compression import compress
from runtime.protocol.ids import new_id

JSON = serializers.named("json")
_NOTHING_EMBEDDED_JSON = b'{"callbacks":null,"errbacks":null,"chain":null,"chord":null}'


def build(
    name: str,
    args: tuple[Any, ...] | list[Any],
    kwargs: dict[str, Any],
    *,
    id: str,
    queue: str,
    priority: int | None = None,
    eta: float | None = None,
    expires: float | None = None,
    retries: int = 0,
    time_limit: float | None = None,
    soft_time_limit: float | None = None,
    root_id: str | None = None,
    parent_id: str | None = None,
    group: str | None = None,
    group_index: int | None = None,
    shadow: str | None = None,
    ignore_result: bool | None = None,
    replaced_task_nesting: int = 0,
    stamped_headers: list[str] | None = None,
    stamps: dict[str, Any] | None = None,
    callbacks: list[Any] | None = None,
    errbacks: list[Any] | None = None,
    chain: list[Any] | None = None,
    chord: Any = None,
    reply_to: str | None = None,
    origin: str | None = None,
    argsrepr: str | None = None,
    kwargsrepr: str | None = None,
    headers: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    serializer: str = "json",
    compression: str | None = None,
) -> Push:
    """The message of a task sent directly to `queue`. `eta`, `expires`: epoch seconds; `headers`: the
    caller's own; `properties`: extra ones, such as `app_id`.

    Raises EncodeError for arguments (or headers) that cannot be serialised.
    """
    embed = NOTHING_EMBEDDED
    if callbacks or errbacks or chain or chord:
        embed = {"callbacks": callbacks, "errbacks": errbacks, "chain": chain, "chord": chord}
    fields: dict[str, Any] = {
        "lang": "py",
        "task": name,
        "id": id,
        "shadow": shadow,
        "eta": None if eta is None else clocks.iso(eta),
        "expires": None if expires is None else clocks.iso(expires),
        "group": group,
        "group_index": group_index,
        "retries": retries,
        "timelimit": [time_limit, soft_time_limit],
        "root_id": root_id or id,
        "parent_id": parent_id,
        "argsrepr": text(args) if argsrepr is None else argsrepr,
        "kwargsrepr": text(kwargs) if kwargsrepr is None else kwargsrepr,
        "origin": origin or _origin(os.getpid()),
        "ignore_result": ignore_result,
        "replaced_task_nesting": replaced_task_nesting,
        "stamped_headers": stamped_headers,
        "stamps": stamps or {},
    }
    if headers:
        fields.update(headers)
    sent: dict[str, Any] = {
        "correlation_id": id,
        "reply_to": reply_to or _client_id(),
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": priority or 0,
        "delivery_tag": new_id(),
    }
    if expires is not None:
        sent["expiration"] = str(max(int((expires - time.time()) * 1000), 0))
    if properties:
        sent.update(properties)
    if hooks.before_task_publish.handlers:
        hooks.before_task_publish.send(
            name, body=(args, kwargs, embed), headers=fields, properties=sent, exchange="", routing_key=queue
        )
    codec = JSON if serializer == "json" else serializers.named(serializer)
    if codec is not JSON and embed is not NOTHING_EMBEDDED:
        embed = json_dialect.loads(json_dialect.dumps(embed))  # other serializers know no signatures
    body = _json_body(args, kwargs, embed) if codec is JSON else codec.dumps((args, kwargs, embed))
    if compression is not None:
        body, fields["compression"] = compress(body, compression)
    try:
        message = envelope.build(body, fields, sent, codec.content_type, codec.content_encoding)
    except TypeError as error:
        raise EncodeError(f"headers of task {name} cannot be written as JSON: {error}") from None
    return Push(queue, message, priority or 0)


def _json_body(args: Any, kwargs: dict[str, Any], embed: dict[str, Any]) -> bytes:
    """Put together from its members, because the nulls of an empty embed would make json_dialect
    look for NaN."""
    following = _NOTHING_EMBEDDED_JSON if embed is NOTHING_EMBEDDED else json_dialect.dumps(embed)
    return b"[%b,%b,%b]" % (json_dialect.dumps(args), json_dialect.dumps(kwargs), following)


@cache
def _origin(pid: int) -> str:
    return f"gen{pid}@{os.uname().nodename}"


@cache
def _client_id() -> str:
    return new_id()
