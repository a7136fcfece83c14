"""How a task's end is shown: its result as JSON on stdout, or its exception on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from runtime.cli.exitcodes import ClientExit
from runtime.worker.exitcodes import ExitCode

if TYPE_CHECKING:
    from runtime.results.async_result import AsyncResult


def show_outcome(result: AsyncResult, timeout: float | None) -> int:
    """Wait up to `timeout` seconds (None: for ever) for the end, print it; the exit code."""
    try:
        value = result.get(timeout=timeout, propagate=False)
    except TimeoutError:
        click.echo(f"{result.id}: {result.state}, no result within {timeout:g} s", err=True)
        return ClientExit.NO_RESULT
    if result.successful():
        click.echo(json.dumps(value, default=str, ensure_ascii=False))
        return ExitCode.OK
    click.echo(f"{type(value).__name__}: {value}", err=True)
    return ClientExit.TASK_FAILED
