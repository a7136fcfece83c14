"""Commands of remote control that a Celery app adds: Celery's workers obey them, ours do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.worker.commands.registry import Entry

if TYPE_CHECKING:
    from celery import Celery


def entries(app: Celery) -> dict[str, Entry]:
    """By name. The app's modules are imported."""
    from celery.worker.control import Panel

    app.loader.import_default_modules()
    return {
        name: Entry(name, info.type, Panel.data[name], info.args or (), info.variadic)
        for name, info in Panel.meta.items()
    }
