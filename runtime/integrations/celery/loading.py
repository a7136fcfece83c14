"""A Celery app in a process of a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime import logs
from runtime.app.load import find
from runtime.integrations.celery.stand_in import unwrapped
from runtime.worker import standard_streams

if TYPE_CHECKING:
    from celery import Celery


def loaded(given: Mapping[str, Any]) -> Celery:
    """The current app of this process. `given`: see `runtime.worker.child.boot_argument`."""
    standard_streams.print_lines()
    logs.set_up(given["loglevel"], given["log_format"], given["logfile"])
    app = unwrapped(find(given["app"]), given["app"])
    app.set_current()
    app.set_default()
    return app
