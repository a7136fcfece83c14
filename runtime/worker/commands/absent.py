"""Commands of Celery's whose subject this worker does not have (yet): said plainly."""

from __future__ import annotations

from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.control()
def enable_events(view: WorkerView) -> dict[str, str]:
    """Not supported yet."""
    return {"error": "events are not supported by this worker yet"}


@COMMANDS.control()
def disable_events(view: WorkerView) -> dict[str, str]:
    """There are none."""
    return {"ok": "task events already disabled"}


@COMMANDS.control()
def heartbeat(view: WorkerView) -> None:
    """There are no events, so no heartbeat either; nobody is told so, as nobody is by Celery."""


@COMMANDS.control()
def election(view: WorkerView) -> None:
    """Ignored: it is held by events."""
