"""`runtime status`, `inspect` and `control`: ask workers how they are, and tell them what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runtime.cli.asked import DESTINATION, TIMEOUT
from runtime.cli.call import json_or_text
from runtime.cli.exitcodes import ClientExit
from runtime.cli.root import app_spec, load_app
from runtime.worker.exitcodes import ExitCode

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.worker.commands.registry import Entry

F = TypeVar("F", bound=Callable[..., Any])


def asking(verb: F) -> F:
    """Options that say who is asked, and how the answers are shown."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object: node → answer."),
        DESTINATION,
        TIMEOUT,
    ):
        verb = option(verb)
    return verb


@click.command()
@asking
@click.pass_context
def status(context: click.Context, as_json: bool, destination: Sequence[str], timeout: float) -> int:
    """List the workers that answer. Exit code 6: none does."""
    answers = ask(load_app(context), "ping", {}, destination, timeout)
    if as_json:
        click.echo(json.dumps(answers))
    elif answers:
        for node in sorted(answers):
            click.echo(f"{node}: OK")
        click.echo(f"\n{len(answers)} online.")
    return outcome(answers, timeout)


def _verb(kind: str, text: str) -> click.Command:
    @click.command(kind, help=text)
    @click.argument("command", metavar="COMMAND")
    @click.argument("args", metavar="[ARG]…", nargs=-1)
    @asking
    @click.pass_context
    def verb(
        context: click.Context,
        command: str,
        args: tuple[str, ...],
        as_json: bool,
        destination: Sequence[str],
        timeout: float,
    ) -> int:
        app = load_app(context)
        entry = found(context, command)
        if entry.kind != kind:
            raise click.UsageError(f"{command} is a command of `runtime {entry.kind}`")
        arguments = understood(command, entry, args)
        if not entry.answers:
            present = ask(app, "ping", {}, destination, timeout)  # nobody says that it has heard the command
            app.control.broadcast(command, arguments, destination or None)
            return outcome(present, timeout)
        answers = ask(app, command, arguments, destination, timeout)
        if as_json:
            click.echo(json.dumps(answers))
        else:
            for node, answer in sorted(answers.items()):
                show(node, answer)
        return outcome(answers, timeout)

    return verb


inspect = _verb(
    "inspect",
    """Ask workers: ping, active, reserved, scheduled, revoked, registered, stats, conf, active_queues,
    query_task ID…, report, clock, hello NODE, memsample, memdump, objgraph, or a command of your own.

    ARG: a value, or NAME=VALUE; a VALUE is JSON or plain text. Exit code 6: nobody answers; 1: with
    an error.""",
)
control = _verb(
    "control",
    """Tell workers: revoke ID…, terminate SIGNAL ID…, revoke_by_stamped_headers STAMP=VALUE…,
    rate_limit TASK RATE, time_limit TASK [SOFT [HARD]], add_consumer QUEUE [EXCHANGE [TYPE [KEY]]],
    cancel_consumer QUEUE, autoscale MAX MIN, pool_grow [N], pool_shrink [N], pool_restart, quiet,
    resume, enable_events, disable_events, heartbeat, election ID task SIGNATURE, shutdown, or a
    command of your own.

    ARG: a value, or NAME=VALUE; a VALUE is JSON or plain text. Exit code 6: nobody answers; 1: with
    an error.""",
)


def found(context: click.Context, command: str) -> Entry:
    """A command of ours, or of the app's own. Raises click.UsageError."""
    from runtime.near import did_you_mean
    from runtime.worker.commands.all import COMMANDS

    if command in COMMANDS:
        return COMMANDS.find(command)
    own = own_entries(context)
    if command not in own:
        near = did_you_mean(command, [*COMMANDS.names(), *own])
        raise click.UsageError(f"there is no command {command!r}{near}")
    return own[command]


def own_entries(context: click.Context) -> dict[str, Entry]:
    """The custom commands of all modules of the app; of a Celery app, those of Celery's workers too."""
    from runtime.integrations.open import open_app
    from runtime.worker.commands.registry import custom_entries

    opened = open_app(app_spec(context))
    if opened.celery is not None:
        from runtime.integrations.celery.custom import entries

        return entries(opened.celery)
    opened.app.load()
    return custom_entries()


def ask(
    app: App, command: str, arguments: dict[str, Any], destination: Sequence[str], timeout: float
) -> dict[str, Any]:
    """Node → its answer."""
    inspect = app.control.inspect(list(destination) or None, timeout)
    return inspect.request(command, **arguments) or {}


def understood(command: str, entry: Entry, args: Sequence[str]) -> dict[str, Any]:
    """The arguments by name. Raises click.UsageError."""
    arguments: dict[str, Any] = {}
    rest = list(args)
    for name, kind in entry.arguments:
        if rest and not _is_named(rest[0], entry):
            arguments[name] = _converted(command, name, kind, rest.pop(0))
    if entry.variadic is not None and rest:
        arguments[entry.variadic], rest = rest, []
    for arg in rest:
        name, equals, value = arg.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"{command}: {arg!r} must be NAME=VALUE")
        arguments[name] = json_or_text(value)
    missing = [name for name in entry.needed() if name not in arguments]
    if missing:
        raise click.UsageError(f"{command} needs {', '.join(missing)}")
    return arguments


def _is_named(arg: str, entry: Entry) -> bool:
    """Whether it is NAME=VALUE with the name of an argument."""
    return arg.partition("=")[0] in entry.parameters() and "=" in arg


def _converted(command: str, name: str, kind: type, text: str) -> Any:
    value = text if kind is str else json_or_text(text)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise click.UsageError(f"{command}: {name} must be of type {kind.__name__}, not {text!r}")
    return value


def show(node: str, answer: Any) -> None:
    """For people: what went wrong on stderr."""
    if isinstance(answer, dict) and answer.keys() == {"error"}:
        click.echo(f"{node}: error: {answer['error']}", err=True)
    elif isinstance(answer, dict) and answer.keys() == {"ok"}:
        click.echo(f"{node}: {answer['ok']}")
    else:
        click.echo(f"{node}: {json.dumps(answer, indent=2, ensure_ascii=False)}")


def outcome(answers: dict[str, Any], timeout: float) -> int:
    """The exit code."""
    if not answers:
        click.echo(f"no worker answered within {timeout:g} s", err=True)
        return ClientExit.NO_RESULT
    failed = any(isinstance(answer, dict) and "error" in answer for answer in answers.values())
    return ClientExit.TASK_FAILED if failed else ExitCode.OK
