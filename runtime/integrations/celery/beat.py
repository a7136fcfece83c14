"""Periodic tasks of a Celery app: Celery's own beat, with the app's schedules and scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery


def run_celery_beat(
    app: Celery, schedule: str | None, max_interval: float | None, loglevel: str, logfile: str | None
) -> int:
    """Until TERM or INT."""
    app.set_current()
    app.set_default()
    app.Beat(
        schedule=schedule, max_interval=max_interval, loglevel=loglevel.upper(), logfile=logfile, quiet=True
    ).run()
    return 0
