"""Rate limits as they are written: `10/s`, `100/m`, `1000/h`, or a number for each second (PROTOCOL 9)."""

from __future__ import annotations

from math import isfinite

SECONDS = {"s": 1, "m": 60, "h": 3600}
EXPECTED = "a number of tasks: for each second, or as '10/s', '100/m', '1000/h'"


def per_second(limit: object) -> float:
    """0: no limit; so are None and the empty text. Raises ValueError, which says what would be right."""
    try:
        rate = _per_second(limit)
    except (ValueError, KeyError, TypeError):
        rate = -1.0
    if not isfinite(rate) or rate < 0:
        raise ValueError(f"a rate limit must be {EXPECTED}, not {limit!r:.100}")
    return rate


def _per_second(limit: object) -> float:
    if not limit:
        return 0.0
    if isinstance(limit, str):
        number, _, unit = limit.partition("/")
        return float(number) / SECONDS[unit or "s"]
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise TypeError
    return float(limit)
