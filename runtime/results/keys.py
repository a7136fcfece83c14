"""Where results are stored, and for how long (PROTOCOL 1)."""

from __future__ import annotations

from typing import NamedTuple, Self

from brokers.interface import Write
from runtime.settings import Settings


class ResultKeys(NamedTuple):
    """Keys and expiries, as an app's settings say. Without a result backend there is nothing to write."""

    prefix: str
    expires: int | None
    """Seconds; 0: for ever; None: results are disabled."""
    group_prefix: str = ""
    chord_expires: int = 0
    """Seconds; 0: for ever."""

    @classmethod
    def of(cls, conf: Settings) -> Self:
        prefix = conf.result_backend_transport_options.get("global_keyprefix", "")
        if prefix and prefix[-1] not in ":_-.":
            prefix += "_"
        expires = int(conf.result_expires or 0) if conf.result_backend is not None else None
        chord_expires = int(conf.result_chord_expires or 0) or expires or 0
        return cls(f"{prefix}celery-task-meta-", expires, f"{prefix}celery-taskset-meta-", chord_expires)

    def key(self, task_id: str) -> str:
        return self.prefix + task_id

    def group(self, group_id: str) -> str:
        """Of a saved group, and what the keys of a chord begin with (PROTOCOL 11)."""
        return self.group_prefix + group_id

    def writes(self, task_id: str, document: bytes) -> tuple[Write, ...]:
        """What stores the document: one write, or none."""
        return () if self.expires is None else (Write(self.prefix + task_id, document, self.expires),)
