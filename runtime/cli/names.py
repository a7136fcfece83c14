"""Options that take several names, separated by commas."""

from __future__ import annotations

import click


def names(context: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """`a,b` as a tuple; empty names are dropped. Raises click.BadParameter when none is left."""
    given = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    if value is not None and not given:
        raise click.BadParameter(f"{value!r} names none: give one, or several as a,b")
    return given
