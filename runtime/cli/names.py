"""Options that take several names, separated by commas."""

from __future__ import annotations

import click


def names(context: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """`a,b` as a tuple; empty names are dropped."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())
