"""`runtime events`: what workers and clients say, as they say it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from brokers.interface import BrokerRefused
from runtime.cli.root import load_app

if TYPE_CHECKING:
    from runtime.events.event import Event
    from runtime.events.listener import Listener

TURN = 1.0
"""Seconds between looks at the connection, while nothing is heard."""
COMMON = ("type", "hostname", "timestamp", "pid", "clock", "utcoffset", "uuid")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print each as a JSON object on a line of its own.")
@click.option("--tasks", is_flag=True, help="Only the events of tasks.")
@click.option("--workers", is_flag=True, help="Only the events of workers.")
@click.pass_context
def events(context: click.Context, as_json: bool, tasks: bool, workers: bool) -> int:
    """Print the events of workers and tasks until it is interrupted.

    Workers tell of tasks if they were started with -E, or told to by `runtime control enable_events`.
    """
    from runtime.events.listener import Listener

    if tasks and workers:
        raise click.UsageError("--tasks and --workers exclude each other: give none for all events")
    app = load_app(context)
    with Listener(app.conf, "task.#" if tasks else "worker.#" if workers else "#") as listener:
        while not _connected(listener):
            pass
        app.control.heartbeat()  # all workers say at once that they are there
        while True:
            for event in listener.receive(TURN):
                click.echo(json.dumps(event) if as_json else _line(event))
            _check(listener)


def _connected(listener: Listener) -> bool:
    listener.receive(0.05)
    _check(listener)
    return bool(listener.connections)


def _check(listener: Listener) -> None:
    """Raises BrokerRefused. What passes is told on stderr, once each time."""
    problem = listener.take_problem()
    if isinstance(problem, BrokerRefused):
        raise problem
    if problem is not None:
        click.echo(f"{problem}; trying again", err=True)


def _line(event: Event) -> str:
    """For people: when, who, what; then the members of this type."""
    timestamp = event.get("timestamp")
    when = datetime.fromtimestamp(timestamp).isoformat(" ", "milliseconds") if timestamp else "-"
    rest = " ".join(f"{name}={value!r}" for name, value in event.items() if name not in COMMON)
    return f"{when} {event['hostname']} {event['type']} {event.get('uuid') or ''} {rest}".rstrip()
