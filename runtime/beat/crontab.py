"""Points in time as cron has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from runtime.errors import ImproperlyConfigured

Field = str | int | Iterable[int | str]
"""`*`, `*/15`, `1-5`, `1-20/3`, `mon,fri`, 7, or several of them."""

WORD = r"(\d+|[a-z]{3,})"
PART = re.compile(rf"{WORD}|(\*|{WORD}-{WORD})(/\d+)?")


class crontab:
    """Whenever all fields match, as Celery's. Sunday is 0; days and months may be names.

    When the clock is put forward, what would fall into the lost hour comes at its end. When it is put back,
    what names its hours comes once; what has `*` there comes in both.
    """

    def __init__(
        self,
        minute: Field = "*",
        hour: Field = "*",
        day_of_week: Field = "*",
        day_of_month: Field = "*",
        month_of_year: Field = "*",
    ) -> None:
        """Raises ImproperlyConfigured for what is no such expression, and for what never comes."""
        self.fields = {
            "minute": _text("minute", minute),
            "hour": _text("hour", hour),
            "day_of_week": _text("day_of_week", day_of_week),
            "day_of_month": _text("day_of_month", day_of_month),
            "month_of_year": _text("month_of_year", month_of_year),
        }
        names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        self._expression = " ".join(re.sub("([a-z]{3})[a-z]+", r"\1", self.fields[name]) for name in names)
        try:
            self.after(0.0, UTC)
        except ValueError as error:
            raise ImproperlyConfigured(f"{self!r} is no schedule: {error}") from None

    def after(self, moment: float, zone: tzinfo) -> float:
        """The next such time after this one; both in epoch seconds."""
        from croniter import croniter  # 150 ms, and whoever sends no periodic tasks has no use for it

        # day_or: cron's own rule is that one of two restricted fields of days is enough.
        times = croniter(self._expression, datetime.fromtimestamp(moment, zone), day_or=False)
        found: datetime = times.get_next(datetime)
        while found.fold and "*" not in self.fields["hour"]:
            found = times.get_next(datetime)
        return found.timestamp()

    def __repr__(self) -> str:
        changed = (f"{name}={value!r}" for name, value in self.fields.items() if value != "*")
        return f"crontab({', '.join(changed)})"

    __json__ = __repr__


def _text(name: str, value: Field) -> str:
    several = [value] if isinstance(value, str | int) else value
    text = ",".join(str(each) for each in several).lower().replace(" ", "")
    if not all(PART.fullmatch(part) for part in text.split(",")):
        raise ImproperlyConfigured(
            f"crontab: {name} must be like '*', '*/15', '1-5', 'mon,fri', 7 or [1, 3]; it is {value!r}"
        )
    return text
