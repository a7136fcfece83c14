"""Periodic tasks of a Celery app: Celery's own beat, with the app's schedules and scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery


def run_celery_beat(
    app: Celery,
    schedule: str | None,
    max_interval: float | None,
    loglevel: str,
    logfile: str | None,
    embedded: bool,
) -> int:
    """Until TERM or INT. embedded: it is a worker's; Celery's own are told so by a signal."""
    from celery import signals

    if embedded:
        signals.beat_init.connect(_tell_embedded, weak=False)
    app.set_current()
    app.set_default()
    app.Beat(
        schedule=schedule, max_interval=max_interval, loglevel=loglevel.upper(), logfile=logfile, quiet=True
    ).run()
    return 0


def _tell_embedded(sender: Any, **_: Any) -> None:
    from celery import signals

    signals.beat_embedded_init.send(sender=sender)
