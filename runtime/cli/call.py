"""`runtime call`: send one task."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from runtime.cli.outcome import show_outcome
from runtime.cli.root import load_app
from runtime.errors import ImproperlyConfigured

SECONDS = click.FloatRange(min=0)


class CallCommand(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = "put -- before arguments that begin with a dash"
            raise click.UsageError(f"{error.format_message()} ({hint})", ctx) from None


def json_or_text(value: str) -> Any:
    """What a shell argument means: JSON if it is JSON, else itself. Raises click.BadParameter for what begins
    like JSON, and is none."""
    try:
        return json.loads(value)
    except ValueError as error:
        if not value.startswith(("[", "{", '"')):
            return value
        raise click.BadParameter(
            f"{value!r} is no JSON: {error}; as text, write {json.dumps(value)!r}"
        ) from None


def all_json_or_text(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[Any]:
    return [json_or_text(value) for value in values]


def json_object(context: click.Context, param: click.Parameter, value: str) -> dict[str, Any]:
    """Raises click.BadParameter."""
    parsed = json_or_text(value)
    if not isinstance(parsed, dict):
        raise click.BadParameter(f"{value!r} is not a JSON object, such as '{{\"x\": 2}}'")
    return parsed


def moment(context: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A date and time of ISO 8601; without an offset it is local time. Raises click.BadParameter."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone()
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a time like 2026-11-22T15:00:00+00:00") from None


@click.command(cls=CallCommand)
@click.argument("name")
@click.argument("args", nargs=-1, callback=all_json_or_text)
@click.option("--kwargs", callback=json_object, default="{}", metavar="JSON", help="Keyword arguments.")
@click.option("--countdown", type=SECONDS, metavar="SECONDS", help="Start it so much later.")
@click.option("--eta", callback=moment, metavar="TIME", help="Start it at this time.")
@click.option("--expires", type=SECONDS, metavar="SECONDS", help="Do not start it any later than this.")
@click.option("-Q", "--queue", help="Send it there.  [default: as the app routes it]")
@click.option("--priority", type=click.IntRange(0, 9), help="0 is served first.")
@click.option("--no-wait", is_flag=True, help="Print the task's id instead of its result.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Wait so long.  [default: for ever]")
@click.pass_context
def call(
    context: click.Context,
    /,
    name: str,
    args: list[Any],
    kwargs: dict[str, Any],
    no_wait: bool,
    timeout: float | None,
    **options: Any,
) -> int:
    """Send the task NAME with ARGS, each JSON or plain text, and print its result as JSON.

    Put -- before arguments that begin with a dash. Exit code 1: the task failed; its exception is
    on stderr. 6: no result within --timeout.
    """
    app = load_app(context)
    given = {option: value for option, value in options.items() if value is not None}
    if not no_wait:
        if app.conf.result_backend is None and not app.conf.task_always_eager:
            raise ImproperlyConfigured(
                "results are disabled, or not in Redis: set result_backend, or give --no-wait"
            )
        given["ignore_result"] = False  # whatever the task says: somebody waits
    try:
        result = app.send_task(name, args, kwargs, **given)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(str(error)) from error
    if no_wait:
        click.echo(result.id)
        return 0
    return show_outcome(app, result, timeout)
