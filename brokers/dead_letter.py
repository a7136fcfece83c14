"""Dead letters: messages that could not be done, kept for an operator, each as one JSON object.

`encode` writes an entry of the list, `DeadLetter` reads it. Anybody may have put anything there:
what is no entry is a letter without a task, whose message is these very bytes.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Self


class Retention(NamedTuple):
    """How many dead letters a queue keeps, and for how long; the oldest go first."""

    most: int = 10_000
    seconds: float | None = 30 * 86400.0
    """None or 0: for ever."""

    def oldest(self, epoch: float) -> str:
        """The time of the oldest letter that is kept at `epoch`; empty when age does not count."""
        return stamp(max(epoch - self.seconds, 0)) if self.seconds else ""


DEFAULT_RETENTION = Retention()
ALL = Retention(most=10**9, seconds=None)
"""Nothing goes."""


def stamp(epoch: float) -> str:
    """As times are written in entries: as text they are in the order of time."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")


def encode(
    message: bytes,
    epoch: float,
    *,
    reason: str,
    node: str,
    task: str | None = None,
    task_id: str | None = None,
    deliveries: int = 0,
    restores: int = 0,
    traceback: str | None = None,
) -> bytes:
    """An entry for `Settlement.dead`. The message's bytes are kept exactly: as text where they are
    text, else in base64.

    epoch: when it died. deliveries: how many children died of it. restores: how many workers died
    that had it.
    """
    fields: dict[str, object] = {
        "time": stamp(epoch),
        "reason": reason,
        "node": node,
        "task": task,
        "id": task_id,
        "deliveries": deliveries,
        "restores": restores,
        "traceback": traceback,
    }
    try:
        fields["message"] = message.decode()
    except UnicodeDecodeError:
        fields["message_base64"] = b64encode(message).decode()
    # Not orjson: a name that came in a message may hold half of a surrogate pair.
    return json.dumps(fields, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    entry: bytes
    """As it stands in the list."""
    message: bytes
    """Exactly as it was in its queue."""
    id: str
    """The task's id. Without one, the beginning of the entry's hash. Not unique: a message can be sent
    twice."""
    time: str
    """When it died (`stamp`); empty if the entry does not tell."""
    fields: dict[str, Any]
    """All that `encode` has written."""

    @classmethod
    def read(cls, entry: bytes) -> Self:
        try:
            fields = json.loads(entry)
            message = (
                fields["message"].encode()
                if "message" in fields
                else b64decode(fields["message_base64"], validate=True)
            )
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            fields, message = {"reason": "no entry of ours"}, entry
        task_id, time = fields.get("id"), fields.get("time")
        if not isinstance(task_id, str):
            task_id = _short_hash(entry)
        return cls(
            entry,
            message,
            task_id,
            time if isinstance(time, str) else "",
            fields,
        )

    def is_meant(self, ids: Collection[str], task: str | None, since: float | None) -> bool:
        """Whether it is one of `ids`, of the task of this name or glob, and not older than the epoch
        `since`. What is empty or None does not restrict."""
        return (
            (not ids or self.id in ids)
            and (task is None or fnmatchcase(str(self.fields.get("task") or ""), task))
            and (since is None or self.time >= stamp(since))
        )


def _short_hash(entry: bytes) -> str:
    from hashlib import sha256  # it loads OpenSSL, which no worker and no client needs for this

    return sha256(entry).hexdigest()[:12]
