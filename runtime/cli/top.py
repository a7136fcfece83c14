"""`runtime top`: a live view of workers and tasks."""

from __future__ import annotations

import sys

import click

from runtime.cli.root import load_app
from runtime.errors import ImproperlyConfigured
from runtime.worker.exitcodes import ExitCode


@click.command()
@click.pass_context
def top(context: click.Context) -> int:
    """Show workers, queues and tasks in this terminal, and operate them.

    Keys: tab changes between workers and tasks; r revokes the chosen task, k kills it; z makes the
    chosen worker quiet, c lets it go on, s (twice) shuts it down; e makes all workers tell of their
    tasks; q quits.
    """
    app = load_app(context)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal; for anything else there is `runtime events --json`")
    try:
        from runtime.top.screen import Screen
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "textual":
            raise
        raise ImproperlyConfigured("top needs textual: install worker-runtime[top]") from None
    Screen(app).run()
    return ExitCode.OK
