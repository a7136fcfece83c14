"""`runtime graph`: pictures of what a worker is made of, and of the workers that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from runtime.cli.asked import DESTINATION, TIMEOUT
from runtime.cli.exitcodes import ClientExit
from runtime.cli.root import load_app
from runtime.counted import counted
from runtime.worker.exitcodes import ExitCode

FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid", "svg"]),
    default="dot",
    show_default=True,
    help="Of the picture.",
)


@click.group()
def graph() -> None:
    """Draw what a worker is made of, or the workers that answer."""


@graph.command()
@FORMAT
@click.pass_context
def bootsteps(context: click.Context, form: str) -> int:
    """The two blueprints, in the order of their start; with -A also the app's own steps."""
    from runtime.worker import graph as pictures
    from runtime.worker.steps.all import blueprints

    app = load_app(context) if context.obj else None
    click.echo(pictures.FORMATS[form](pictures.of_blueprints(blueprints(app))))
    return ExitCode.OK


@graph.command()
@FORMAT
@DESTINATION
@TIMEOUT
@click.pass_context
def workers(context: click.Context, form: str, destination: Sequence[str], timeout: float) -> int:
    """The workers that answer, by host, with their pools and queues. Exit code 6: none does."""
    from runtime.worker import graph as pictures

    inspect = load_app(context).control.inspect(list(destination) or None, timeout)
    stats, queues = inspect.stats() or {}, inspect.active_queues() or {}
    if not stats:
        click.echo(f"no worker answered within {timeout:g} s", err=True)
        return ClientExit.NO_RESULT
    click.echo(pictures.FORMATS[form](drawn(stats, queues)))
    return ExitCode.OK


def drawn(stats: dict[str, Any], queues: dict[str, Any]) -> Any:
    """A group for each host, and one of the queues, from which arrows lead to their workers."""
    from runtime.worker.graph import Graph, Group, box

    hosts: dict[str, dict[str, str]] = {}
    for node in sorted(stats):
        hosts.setdefault(node.partition("@")[2] or node, {})[node] = _worker(
            node, stats[node].get("pool") or {}
        )
    consumed = {node: [queue["name"] for queue in queues.get(node) or ()] for node in sorted(stats)}
    groups = [Group("queues", sorted({name for found in consumed.values() for name in found}))]
    groups += [Group(f"host {host}", list(texts.values())) for host, texts in sorted(hosts.items())]
    arrows = [
        (box("queues", name), box(f"host {host}", text))
        for host, texts in sorted(hosts.items())
        for node, text in texts.items()
        for name in consumed[node]
    ]
    return Graph(groups, arrows)


def _worker(node: str, pool: dict[str, Any]) -> str:
    """Of a worker of Celery's the pool is told as `celery.concurrency.prefork:TaskPool`."""
    kind = str(pool.get("implementation", "pool unknown")).removesuffix(":TaskPool").rpartition(".")[2]
    most = pool.get("max-concurrency")
    return f"{node}\n{kind}, {'? slots' if most is None else counted(most, 'slot')}"
