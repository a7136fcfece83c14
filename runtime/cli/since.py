"""`--since`: a point of time in the past, as people write it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def since(context: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """`10m`, `2h`, `3d`: so long ago; else a date or time of ISO 8601, local without an offset. In epoch
    seconds. Raises click.BadParameter."""
    return None if value is None else epoch_of(value, time.time())


def epoch_of(value: str, now: float) -> float:
    ago = re.fullmatch(r"(\d+)([smhdw])", value)
    try:
        if ago:
            return max(now - int(ago[1]) * UNITS[ago[2]], 0)
        return max(datetime.fromisoformat(value).astimezone(UTC).timestamp(), 0)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is neither like 10m, 2h or 3d nor like 2026-11-22T15:00"
        ) from None
