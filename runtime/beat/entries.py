"""What an app wants to have sent, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime import clocks
from runtime.beat.crontab import crontab
from runtime.canvas.signature import Signature
from runtime.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from runtime.app.app import App

MEMBERS = frozenset({"task", "schedule", "args", "kwargs", "options", "relative"})
ROUNDED: tuple[tuple[float, dict[str, Any]], ...] = (
    (86400.0, {"hour": 0, "minute": 0}),
    (3600.0, {"minute": 0}),
    (60.0, {}),
)
"""Of a `relative` interval of so many seconds at least, what begins anew; besides seconds."""


class Entry(NamedTuple):
    name: str
    signature: Signature
    after: Callable[[float], float]
    """The first time to send it after a time; epoch seconds."""
    schedule: str
    """To see whether it has been changed."""


def entries(app: App) -> list[Entry]:
    """Those of the setting `beat_schedule` and of `add_periodic_task`. Raises ImproperlyConfigured."""
    zone = clocks.zone(app.conf.timezone)
    found = [_declared(app, name, entry, zone) for name, entry in app.conf.beat_schedule.items()]
    for name, (schedule, signature) in app.periodic_tasks.items():
        found.append(_entry(name, signature, schedule, False, zone))
    return found


def _declared(app: App, name: str, entry: Any, zone: tzinfo) -> Entry:
    if not isinstance(entry, Mapping) or not set(entry) <= MEMBERS:
        raise ImproperlyConfigured(
            f"beat_schedule[{name!r}] must be a dict of {', '.join(sorted(MEMBERS))}; it is {entry!r:.200}"
        )
    fields = {key: entry[key] for key in ("task", "args", "kwargs", "options") if entry.get(key) is not None}
    try:
        signature = Signature.from_dict(fields, app.sender)
    except ValueError as error:
        raise ImproperlyConfigured(f"beat_schedule[{name!r}]: {error}") from None
    return _entry(name, signature, entry.get("schedule"), bool(entry.get("relative")), zone)


def _entry(name: str, signature: Signature, schedule: Any, relative: bool, zone: tzinfo) -> Entry:
    if isinstance(schedule, crontab):
        return Entry(name, signature, lambda last: schedule.after(last, zone), f"{schedule!r} {zone}")
    seconds = schedule.total_seconds() if isinstance(schedule, timedelta) else schedule
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e9:
        raise ImproperlyConfigured(
            f"periodic task {name!r}: the schedule must be a number of seconds above 0, a timedelta or a "
            f"runtime.crontab; it is {schedule!r}"
        )
    if not relative:
        return Entry(name, signature, lambda last: last + seconds, f"{seconds:g}")
    return Entry(name, signature, lambda last: _rounded(last, seconds, zone), f"{seconds:g} relative {zone}")


def _rounded(last: float, seconds: float, zone: tzinfo) -> float:
    """The beginning of the day, hour or minute, whichever the interval has, in which it ends."""
    for least, anew in ROUNDED:
        if seconds >= least:
            end = datetime.fromtimestamp(last, zone) + timedelta(seconds=seconds)
            rounded = end.replace(second=0, microsecond=0, **anew).timestamp()
            if rounded > last:  # not so in the hour that comes twice when the clock is put back
                return rounded
    return last + seconds
