"""`runtime beat`: send periodic tasks."""

from __future__ import annotations

import click

from runtime.cli.root import app_spec
from runtime.early_signals import leave_when_told
from runtime.logs import FORMATS, LEVELS


@click.command()
@click.option(
    "-s", "--schedule", metavar="FILE", help="Where what was sent last is kept.  [default: the app's]"
)
@click.option(
    "--max-interval",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Look at the clock at least so often.  [default: the app's]",
)
@click.option(
    "-l",
    "--loglevel",
    type=click.Choice(list(LEVELS), case_sensitive=False),
    default="info",
    show_default=True,
    help="What is worth a line.",
)
@click.option("-f", "--logfile", help="Append there instead of to stderr.")
@click.option(
    "--log-format", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="Of a line."
)
@click.option("--parent", type=int, hidden=True, help="End with this process.")
@click.pass_context
def beat(
    context: click.Context,
    /,
    schedule: str | None,
    max_interval: float | None,
    loglevel: str,
    logfile: str | None,
    log_format: str,
    parent: int | None,
) -> int:
    """Send periodic tasks until it is told to stop: one for an app. A Celery app has Celery's own."""
    from pools.descent import die_with_parent
    from runtime import logs
    from runtime.integrations.open import open_app

    leave_when_told()
    if parent is not None:
        die_with_parent(parent)
    opened = open_app(app_spec(context))
    if opened.celery is not None:
        from runtime.integrations.celery.beat import run_celery_beat

        embedded = parent is not None
        return run_celery_beat(opened.celery, schedule, max_interval, loglevel, logfile, embedded)
    from runtime.beat.service import MAX_INTERVAL, run

    logs.set_up(loglevel, log_format, logfile)
    app = opened.app
    app.load()
    app.set_current()
    logs.hand_over(loglevel, log_format, logfile)
    interval = max_interval or app.conf.beat_max_loop_interval or MAX_INTERVAL
    run(app, schedule or app.conf.beat_schedule_filename, interval, embedded=parent is not None)
    return 0
