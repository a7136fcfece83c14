"""How a task's end is shown: its result as JSON on stdout, or its exception on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from runtime.cli.exitcodes import ClientExit
from runtime.worker.exitcodes import ExitCode

if TYPE_CHECKING:
    from runtime.results.async_result import AsyncResult


PATIENCE = 1.0
"""Seconds after which somebody who waits without a bound is told that there is nothing yet."""


def show_outcome(result: AsyncResult, timeout: float | None) -> int:
    """Wait up to `timeout` seconds (None: for ever) for the end, print it; the exit code."""
    try:
        value = _patient(result) if timeout is None else result.get(timeout=timeout, propagate=False)
    except TimeoutError:
        click.echo(f"{result.id}: {result.state}, no result within {timeout:g} s", err=True)
        return ClientExit.NO_RESULT
    if result.successful():
        click.echo(json.dumps(value, default=str, ensure_ascii=False))
        return ExitCode.OK
    click.echo(f"{type(value).__name__}: {value}", err=True)
    return ClientExit.TASK_FAILED


def _patient(result: AsyncResult) -> Any:
    """Without a bound; whether a worker runs at all cannot be known."""
    try:
        return result.get(timeout=PATIENCE, propagate=False)
    except TimeoutError:
        click.echo(
            f"{result.id}: no result yet; is there a worker for its queue? "
            f"Ctrl-C ends this wait, not the task; `runtime result {result.id}` asks again",
            err=True,
        )
    return result.get(propagate=False)
