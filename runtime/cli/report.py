"""`runtime report`: what to put into a bug report."""

from __future__ import annotations

import click

from runtime.cli.root import load_app


@click.command()
@click.pass_context
def report(context: click.Context) -> int:
    """Print versions, the platform, and the settings that were set, secrets masked."""
    from runtime.app.bug_report import bug_report

    click.echo(bug_report(load_app(context)))
    return 0
