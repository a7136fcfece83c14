"""The names of the task headers, and which of them are the protocol's own (PROTOCOL 4.1)."""

from __future__ import annotations

from typing import Any

STANDARD = frozenset(
    {
        "lang",
        "task",
        "id",
        "root_id",
        "parent_id",
        "group",
        "group_index",
        "shadow",
        "eta",
        "expires",
        "retries",
        "timelimit",
        "argsrepr",
        "kwargsrepr",
        "origin",
        "ignore_result",
        "replaced_task_nesting",
        "stamped_headers",
        "stamps",
        "redelivered",
        "compression",
    }
)


def custom(headers: dict[str, Any]) -> dict[str, Any]:
    """The caller's own: visible to the task, kept on retry."""
    if headers.keys() <= STANDARD:
        return {}
    return {name: value for name, value in headers.items() if name not in STANDARD}
