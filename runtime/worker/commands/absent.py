"""Commands of Celery's whose subject this worker does not have (yet): said plainly."""

from __future__ import annotations

from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.control()
def election(view: WorkerView) -> None:
    """This worker is no candidate: there is nothing that one of several should do here."""
