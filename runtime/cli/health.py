"""`runtime health`: ask a worker how it is."""

from __future__ import annotations

import click

from runtime.cli.exitcodes import ClientExit
from runtime.worker.exitcodes import ExitCode
from runtime.worker.health.address import parse
from runtime.worker.health.ask import ask


@click.command()
@click.option(
    "--http",
    envvar="RUNTIME_HTTP",
    show_envvar=True,
    required=True,
    metavar="HOST:PORT|unix:PATH",
    help="What the worker was started with.",
)
@click.option("--ready", is_flag=True, help="Ask whether it is ready, not only whether it is live.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="A worker that does not answer within is not healthy.",
)
def health(http: str, ready: bool, timeout: float) -> int:
    """Ask the worker at --http whether it is live. Needs no app.

    Exit code 1: it is not, or does not answer; the reasons are on stderr.
    """
    well, reasons = ask(parse(http), "/readyz" if ready else "/livez", timeout)
    for reason in reasons:
        click.echo(reason, err=True)
    if not well:
        return ClientExit.UNHEALTHY
    click.echo("ready" if ready else "live")
    return ExitCode.OK
