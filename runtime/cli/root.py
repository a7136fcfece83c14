"""`runtime -A …`: which app a verb is about."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from runtime.errors import ImproperlyConfigured
from runtime.near import did_you_mean

if TYPE_CHECKING:
    from runtime.app.app import App


VERBS = {
    **{name: name for name in ("start", "beat", "call", "result", "events", "top", "graph", "health")},
    **dict.fromkeys(("status", "inspect", "control"), "remote"),
    **{name: name for name in ("purge", "dead", "report")},
    "migrate-check": "migrate_check",
}
"""Verb → its module here. Only the one that is wanted is imported: all together take 60 ms."""


class Root(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"runtime.cli.{VERBS[cmd_name]}")
        verb: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb = args[0]
        if verb in VERBS or verb.startswith("-"):
            return super().resolve_command(ctx, args)
        hint = "; did you mean 'start'?" if verb == "worker" else did_you_mean(verb, VERBS)
        raise click.UsageError(f"there is no verb {verb!r}{hint}", ctx)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-A",
    "--app",
    metavar="MODULE[:ATTRIBUTE]",
    envvar="RUNTIME_APP",
    show_envvar=True,
    help="Where the app is: proj, proj.app, proj.celery or module:attribute.",
)
@click.version_option(package_name="worker-runtime", message="%(version)s")
@click.pass_context
def root(context: click.Context, app: str | None) -> None:
    """A multiprocess worker for Celery's message protocol."""
    context.obj = app


def app_spec(context: click.Context) -> str:
    """The value of -A. Raises ImproperlyConfigured when there is none."""
    spec = context.obj
    if not isinstance(spec, str) or not spec:
        raise ImproperlyConfigured("no app: give -A module[:attribute] before the verb, or set RUNTIME_APP")
    return spec


def load_app(context: click.Context) -> App:
    """The app that -A names. Raises ImproperlyConfigured."""
    from runtime.integrations.open import open_app

    return open_app(app_spec(context)).app
