"""Options of commands that ask workers: whom, and how long to wait for their answers."""

from __future__ import annotations

import click

from runtime.cli.names import names

DESTINATION = click.option(
    "-d", "--destination", callback=names, metavar="A,B,…", help="Ask only these nodes.  [default: all]"
)
TIMEOUT = click.option(
    "-t",
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for a further answer.",
)
