"""One setting, as data."""

from __future__ import annotations

from typing import Any, NamedTuple

from runtime.settings.kinds import Kind


class Setting(NamedTuple):
    name: str
    """Celery's lowercase name, where Celery has it."""
    kind: Kind
    default: Any
    meaning: str
    """One sentence or two, for the reference and for `runtime report`."""
