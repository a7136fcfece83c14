"""`runtime result`: what became of a task."""

from __future__ import annotations

import click

from runtime.cli.exitcodes import ClientExit
from runtime.cli.outcome import show_outcome
from runtime.cli.root import load_app


@click.command()
@click.argument("id")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait so long for it.")
@click.pass_context
def result(context: click.Context, id: str, timeout: float | None) -> int:
    """Print the result of the task ID as JSON.

    Exit code 1: the task failed; its exception is on stderr. 6: there is no result (yet).
    """
    app = load_app(context)
    found = app.AsyncResult(id)
    if timeout is None and not found.ready():
        click.echo(f"{id}: {found.state}", err=True)
        return ClientExit.NO_RESULT
    return show_outcome(app, found, timeout)
