"""`runtime purge`: empty queues."""

from __future__ import annotations

from contextlib import closing

import click

from runtime.cli.names import names
from runtime.cli.root import load_app
from runtime.counted import counted
from runtime.protocol.routing import of_app


@click.command()
@click.option("-Q", "--queues", callback=names, metavar="A,B,…", help="Which.  [default: the app's]")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@click.pass_context
def purge(context: click.Context, queues: tuple[str, ...], force: bool) -> int:
    """Remove all waiting messages from queues. What workers hold stays theirs."""
    from brokers.registry import open_publisher

    app = load_app(context)
    queues = queues or of_app(app.conf)
    with closing(open_publisher(app.conf.broker_url, app.conf.broker_transport_options)) as publisher:
        waiting = 0 if force else sum(publisher.length(queue) for queue in queues)
        if waiting:
            click.confirm(f"Remove {counted(waiting, 'message')} from {', '.join(queues)}?", abort=True)
        for queue in queues:
            click.echo(f"{queue}: {counted(publisher.purge(queue), 'message')} removed")
    return 0
