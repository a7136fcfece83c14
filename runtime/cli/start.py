"""`runtime start`: run a worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from pools import registry
from runtime.cli.environment import misspelt
from runtime.cli.names import names
from runtime.cli.root import app_spec, load_app
from runtime.early_signals import leave_when_told
from runtime.errors import ImproperlyConfigured
from runtime.logs import FORMATS, LEVELS
from runtime.worker.node import default_node, expand_file, expand_node
from runtime.worker.options import WorkerOptions

F = TypeVar("F", bound=Callable[..., Any])

SECONDS = click.FloatRange(min=0, min_open=True)
COUNT = click.IntRange(min=1)


def prefetch(context: click.Context, param: click.Parameter, value: str | None) -> str | int | None:
    """`auto`, or a number. Raises click.BadParameter."""
    if value is None or value == "auto":
        return value
    if not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither 'auto' nor a number of messages (0: no bound)")
    return int(value)


def pool_kind(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The name of a kind that there is. Raises click.BadParameter."""
    try:
        return None if value is None else registry.resolve(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def autoscale(context: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """The most and the fewest slots. Raises click.BadParameter."""
    from runtime.settings.kinds import AUTOSCALE

    try:
        return None if value is None else AUTOSCALE.read(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not {AUTOSCALE.expected}") from None


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """A click option that can also be given by the environment: --max-tasks-per-child is
    RUNTIME_MAX_TASKS_PER_CHILD."""
    long = next(name for name in names if name.startswith("--"))
    variable = "RUNTIME_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **attributes)


class StartCommand(click.Command):
    """With the options that the app adds."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        params = super().get_params(ctx)
        known = {option for param in params for option in param.opts}
        for own in _own_options(ctx):
            if not isinstance(own, click.Option):
                raise ImproperlyConfigured(f"{own!r} of the app (user_options) must be a click.Option")
            taken = known.intersection(own.opts)
            if taken:
                raise ImproperlyConfigured(
                    f"option {min(taken)} of the app (user_options) is one of `runtime start` already"
                )
            params.insert(-1, own)  # before --help
        return params


def _own_options(ctx: click.Context) -> list[click.Parameter]:
    """Of the app that -A names; none without -A. Raises ImproperlyConfigured."""
    if not isinstance(ctx.obj, str):
        return []
    leave_when_told()  # the app's modules may take long
    return list(load_app(ctx).user_options["worker"])


def _variables(ctx: click.Context | None) -> Iterator[str]:
    """Of all options of a verb, and of those before it."""
    while ctx is not None:
        yield from (str(param.envvar) for param in ctx.command.params if param.envvar)
        ctx = ctx.parent


@click.command(cls=StartCommand)
@option(
    "-P",
    "--pool",
    callback=pool_kind,
    metavar="KIND",
    help=f"How tasks run: {', '.join(registry.KINDS)}, or an installed one.  [default: the app's]",
)
@option("-c", "--concurrency", type=COUNT, help="Tasks at once.  [default: the CPUs granted to it]")
@option("--processes", type=COUNT, help="Children they are spread over; not for prefork.  [default: 1]")
@option("--autoscale", callback=autoscale, metavar="MAX,MIN", help="Follow the load between so many at once.")
@option(
    "-Q",
    "--queues",
    callback=names,
    metavar="A,B,…",
    help="Queues to consume.  [default: the app's]",
)
@option("-X", "--exclude-queues", callback=names, metavar="A,B,…", help="Of these, queues not to consume.")
@option(
    "-n",
    "--hostname",
    default=default_node,
    help="Node name; %h is the host's name, %n its first part, %d its domain.  [default: celery@%h]",
)
@option(
    "-l",
    "--loglevel",
    type=click.Choice(list(LEVELS), case_sensitive=False),
    default="info",
    show_default=True,
    help="What is worth a line.",
)
@option("-f", "--logfile", help="Append there instead of to stderr; %n is the node's name, %h its host.")
@option(
    "--log-format", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="Of a line."
)
@option("--prefetch-multiplier", callback=prefetch, metavar="auto|N", help="Messages reserved for each slot.")
@option("--max-tasks-per-child", type=COUNT, help="Replace a child after so many tasks.")
@option("--max-memory-per-child", type=COUNT, metavar="KILOBYTES", help="Replace a child that holds more.")
@option(
    "--max-lifetime-per-child",
    type=SECONDS,
    metavar="SECONDS",
    help="Replace a child that is as old as that.",
)
@option("--time-limit", type=SECONDS, metavar="SECONDS", help="Kill a task that runs longer.")
@option(
    "--soft-time-limit", type=SECONDS, metavar="SECONDS", help="Raise SoftTimeLimitExceeded in the task then."
)
@option("--grace", type=click.FloatRange(min=0), metavar="SECONDS", help="What running tasks get after TERM.")
@option("--http", metavar="HOST:PORT|unix:PATH", help="Serve /livez, /readyz and /metrics there.")
@option("-E", "--task-events", is_flag=True, help="Tell of tasks to those who listen to events.")
@option(
    "--heartbeat-interval",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Between two events that say that the worker lives.  [default: 2]",
)
@option("--without-mingle", is_flag=True, help="Do not ask the other workers what is revoked.")
@option("--without-gossip", is_flag=True, help="Do not listen to the other workers.")
@option("--without-heartbeat", is_flag=True, help="Do not tell that the worker lives.")
@option("--statedb", metavar="FILE", help="Remember there which tasks are revoked; %n, %h as above.")
@option("-B", "--beat", is_flag=True, help="Send periodic tasks, too: with one worker of an app.")
@option(
    "-s",
    "--schedule-filename",
    metavar="FILE",
    help="Where beat keeps what was sent last.  [default: the app's]",
)
@option("--purge", is_flag=True, help="Remove all waiting messages from the queues first.")
@option("--quiet", is_flag=True, help="No banner.")
@click.pass_context
def start(
    context: click.Context,
    /,
    hostname: str,
    logfile: str | None,
    without_mingle: bool,
    without_gossip: bool,
    without_heartbeat: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Run a worker until it is told to stop.

    TERM or INT: finish what runs, give the rest back. QUIT, or a second TERM: give back everything
    now. HUP: restart the children with fresh code. USR1: write the stacks of all.
    """
    from runtime.integrations.open import open_app
    from runtime.settings.settings import ENVIRONMENT

    for warning in misspelt(os.environ, (*ENVIRONMENT.values(), *_variables(context))):
        click.echo(f"runtime: warning: {warning}", err=True)
    node = expand_node(hostname)
    without = {"mingle": without_mingle, "gossip": without_gossip, "heartbeat": without_heartbeat}
    own = {param.name: given.pop(param.name) for param in _own_options(context) if param.name}
    spec = app_spec(context)
    opened = open_app(spec)
    options = WorkerOptions(
        app=spec,
        children=opened.children,
        node=node,
        logfile=expand_file(logfile, node) if logfile else None,
        without=frozenset(name for name, omitted in without.items() if omitted),
        banner=not quiet,
        user=own,
        **given,
    )

    from runtime.worker.start import run_worker

    return run_worker(opened.app, options)
