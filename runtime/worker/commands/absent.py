"""Commands of Celery's whose subject this worker does not have (yet): said plainly."""

from __future__ import annotations

from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.control()
def election(view: WorkerView) -> None:
    """Ignored: it is held by events."""
