"""`runtime migrate-check`: what would change for a Celery app."""

from __future__ import annotations

import click

from runtime.cli.root import app_spec
from runtime.errors import ImproperlyConfigured


@click.command(name="migrate-check", context_settings={"ignore_unknown_options": True})
@click.option("-A", "--app", help="Where the Celery app is; may stand here too.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def migrate_check(context: click.Context, app: str | None, options: tuple[str, ...]) -> int:
    """Say what would change for a Celery app under `runtime start`.

    OPTIONS are those of your `celery worker`. Nothing is started or sent. Exit code 1 if something
    must be changed before.
    """
    context.obj = app or context.obj
    spec = app_spec(context)

    from runtime.app.app import App
    from runtime.app.load import find

    found = find(spec)
    if isinstance(found, App):
        raise ImproperlyConfigured(f"{spec} is no Celery app: nothing has to change for it")

    from runtime.integrations.celery.check import judge
    from runtime.integrations.celery.stand_in import unwrapped

    verdict = judge(unwrapped(found, spec), spec, options)
    click.echo(f"start it with   {verdict.command}\n")
    for finding in verdict.findings:
        click.echo(f"{finding.effect.value:<9} {finding.text}")
    if verdict.unchanged:
        click.echo(f"{'the same':<9} settings {', '.join(verdict.unchanged)}")
    return int(verdict.blocked)
