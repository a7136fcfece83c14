"""How a task's end is shown: its result as JSON on stdout, or its exception on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from brokers.interface import BrokerError
from runtime.cli.exitcodes import ClientExit
from runtime.worker.exitcodes import ExitCode

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.results.async_result import AsyncResult


PATIENCE = 1.0
"""Seconds after which somebody who waits without a bound is told that there is nothing yet."""
ASKING = 0.5
"""Seconds in which workers say whether they have the task."""


def show_outcome(app: App, result: AsyncResult, timeout: float | None) -> int:
    """Wait up to `timeout` seconds (None: for ever) for the end, print it; the exit code."""
    try:
        value = _patient(app, result) if timeout is None else result.get(timeout=timeout, propagate=False)
    except TimeoutError:
        click.echo(f"{result.id}: {result.state}, no result within {timeout:g} s", err=True)
        return ClientExit.NO_RESULT
    if result.successful():
        click.echo(json.dumps(value, default=str, ensure_ascii=False))
        return ExitCode.OK
    click.echo(f"{type(value).__name__}: {value}", err=True)
    return ClientExit.TASK_FAILED


def _patient(app: App, result: AsyncResult) -> Any:
    """Without a bound."""
    try:
        return result.get(timeout=PATIENCE, propagate=False)
    except TimeoutError:
        where = _whereabouts(app, result)
        if not result.ready():  # it may have come meanwhile, and then nobody has the task
            click.echo(
                f"{result.id}: no result yet; {where}; "
                f"Ctrl-C ends this wait, not the task; `runtime result {result.id}` asks again",
                err=True,
            )
    return result.get(propagate=False)


def _whereabouts(app: App, result: AsyncResult) -> str:
    """Who has it, as far as workers tell: one without remote control, or that runs it itself (`solo`), does
    not."""
    try:
        answers = app.control.inspect(timeout=ASKING).query_task(result.id) or {}
    except BrokerError as error:
        return f"the broker says: {error}"
    for node, tasks in answers.items():
        if result.id in tasks:
            return f"{node} has it: {tasks[result.id][0]}"
    return "no worker says that it has it (is there one for its queue?)"
