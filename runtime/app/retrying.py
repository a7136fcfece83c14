"""The message that runs a task again (PROTOCOL 9 and 17.10): everything stays, but for the count of
retries and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.execution.request import Request
from runtime.protocol.calls import PROPERTIES


def retry_queues(request: Request, given: Mapping[str, Any]) -> Sequence[str]:
    """Where it came from, whatever the routes say; empty if the caller says otherwise. Of a message that was
    sent to an exchange this is the routing key, and the supervisor puts its queue in the place."""
    key = request.message.delivery_info.get("routing_key")
    return (key,) if key and given.keys().isdisjoint(("queue", "exchange", "routing_key")) else ()


def retry_options(request: Request, given: Mapping[str, Any]) -> dict[str, Any]:
    """Send options of the retry of what `request` is about; `given` are those of the caller."""
    message = request.message
    options: dict[str, Any] = {
        "task_id": message.id,
        "root_id": message.root_id,
        "parent_id": message.parent_id or message.id,
        "retries": request.retries + 1,
        "group_id": message.group,
        "group_index": message.group_index,
        "shadow": message.shadow,
        "expires": request.expires,
        "time_limit": message.time_limit,
        "soft_time_limit": message.soft_time_limit,
        "ignore_result": message.ignore_result,
        "replaced_task_nesting": message.replaced_task_nesting,
        "origin": message.origin,
        "reply_to": message.reply_to,
        "priority": message.priority,
        "headers": message.custom_headers,
        "link": request.callbacks,
        "link_error": request.errbacks,
        "chain": request.chain,
        "chord": request.chord,
        "compression": message.headers.get("compression"),
    }
    if message.stamped_headers:
        options["stamped_headers"] = message.stamped_headers
        options.update({name: message.stamps.get(name) for name in message.stamped_headers})
    options.update({name: message.properties[name] for name in PROPERTIES & message.properties.keys()})
    return {**options, **given}
