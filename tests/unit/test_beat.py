"""When periodic tasks are due, and what is remembered of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runtime import App, crontab
from runtime.beat.due import RETRY, Run, counted_from, due, failed, sent
from runtime.beat.entries import Entry, entries
from runtime.beat.memory import InUse, Memory
from runtime.errors import ImproperlyConfigured

BERLIN = ZoneInfo("Europe/Berlin")


def entry(schedule: Any, name: str = "e", **more: Any) -> Entry:
    app = App("t", set_as_current=False, timezone="Europe/Berlin")
    app.conf.beat_schedule = {name: {"task": "t.add", "schedule": schedule, **more}}
    return entries(app)[0]


def times(after: str, count: int, schedule: Any, **more: Any) -> list[str]:
    """The next ones, as local times of Berlin."""
    moment, found = datetime.fromisoformat(after).replace(tzinfo=BERLIN).timestamp(), []
    for _ in range(count):
        moment = entry(schedule, **more).after(moment)
        found.append(f"{datetime.fromtimestamp(moment, BERLIN):%Y-%m-%d %H:%M%z}")
    return found


def test_crontab_needs_all_fields_to_match() -> None:
    friday = crontab(minute=0, hour=0, day_of_month=13, day_of_week="friday")
    assert times("2026-01-31", 2, friday) == ["2026-02-13 00:00+0100", "2026-03-13 00:00+0100"]
    last = crontab(0, 0, day_of_month="31")
    assert times("2026-01-31", 2, last) == ["2026-03-31 00:00+0200", "2026-05-31 00:00+0200"]
    leap = crontab("0", "0", day_of_month="29", month_of_year="feb")
    assert times("2026-01-31", 1, leap) == ["2028-02-29 00:00+0100"]
    quarters = crontab("*/15", hour=[9, "17-18"], day_of_week="mon,fri")
    assert times("2026-01-30 17:40", 2, quarters) == ["2026-01-30 17:45+0100", "2026-01-30 18:00+0100"]
    assert times("2026-01-30 18:45", 1, quarters) == ["2026-02-02 09:00+0100"]


def test_crontab_when_the_clock_is_changed() -> None:
    daily, always = crontab(30, 2), crontab("*/30")
    assert times("2026-03-28 12:00", 2, daily) == ["2026-03-29 03:00+0200", "2026-03-30 02:30+0200"]
    assert times("2026-10-24 12:00", 2, daily) == ["2026-10-25 02:30+0200", "2026-10-26 02:30+0100"]
    assert [time[11:] for time in times("2026-10-25 01:45", 4, always)] == [
        "02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100",
    ]  # fmt: skip


def test_intervals_and_relative_ones() -> None:
    assert times("2026-01-31 10:20", 1, 90) == ["2026-01-31 10:21+0100"]
    hourly = timedelta(hours=1)
    assert times("2026-01-31 10:20", 1, hourly) == ["2026-01-31 11:20+0100"]
    assert times("2026-01-31 10:20", 1, hourly, relative=True) == ["2026-01-31 11:00+0100"]
    days = times("2026-10-24 10:20", 2, timedelta(days=1), relative=True)
    assert days == ["2026-10-25 00:00+0200", "2026-10-26 00:00+0100"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: crontab(minute="61"), "61"),
        (lambda: crontab(hour="x"), "hour must be like"),
        (lambda: crontab(hour="1/5"), "hour must be like"),
        (lambda: crontab(day_of_month=30, month_of_year=2), "no schedule"),
        (lambda: entry(0), "schedule must be"),
        (lambda: entry("soon"), "'soon'"),
        (lambda: entry(5, arg=1), r"beat_schedule\['e'\] must be a dict of args"),
        (lambda: entry(5, args=1), "args must be an array"),
        (lambda: entries(App(set_as_current=False, timezone="Mars/North")), "Mars/North"),
    ],
)
def test_what_is_wrong_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=told):
        wrong()


def test_what_is_due_is_sent_once_however_much_was_missed() -> None:
    every = entry(10)
    runs = {"a": counted_from(every, 100), "b": Run(0, 200)}
    assert due(runs, 109) == ([], 110)
    assert due(runs, 111) == (["a"], 200)
    assert sent(every, runs["a"], 111) == Run(110, 120), "it does not drift"
    assert sent(every, runs["a"], 175) == Run(175, 185)
    assert due({"a": failed(runs["a"], 111), "b": Run(0, 111)}, 111) == (["b"], 111 + RETRY)


def test_it_is_remembered(tmp_path: Path) -> None:
    path = str(tmp_path / "beat")
    memory = Memory(path)
    first, second = entry(10, "first"), entry(crontab(0, 0), "second")
    assert memory.begin([first, second], 100.0)["first"] == Run(100, 110)
    memory.remember(first, 110.0)
    with pytest.raises(InUse):
        Memory(path)
    memory.close()
    again = Memory(path)
    runs = again.begin([first, entry(20, "second")], 500.0)
    assert runs == {"first": Run(110, 120), "second": Run(500, 520)}, "another schedule counts from now on"
    again.close()
    Path(path).write_text("no database, but long enough to be taken for one" * 30)
    with pytest.raises(ImproperlyConfigured, match="not a database"):
        Memory(path)


def test_an_app_adds_its_own() -> None:
    app = App("t", set_as_current=False)

    @app.task(name="t.add")
    def add(x: int, y: int) -> int:
        return x + y

    assert app.add_periodic_task(5, add.s(1, 2), name="sum", expires=3) == "sum"
    app.add_periodic_task(crontab(), add, (1,), {"y": 2})
    found = {entry.name: entry.signature for entry in entries(app)}
    assert found["sum"].options == {"expires": 3}
    assert found["t.add()"].args == (1,)
    assert found["t.add()"].kwargs == {"y": 2}
