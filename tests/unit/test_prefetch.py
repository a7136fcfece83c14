from __future__ import annotations

import pytest

from runtime.worker.pipeline import prefetch
from runtime.worker.pipeline.pace import Pace


@pytest.mark.parametrize(
    ("idle", "waiting", "rate", "expected"),
    [
        (8, 0, 0.0, 8),  # nothing known yet: what can start now
        (0, 0, 0.8, 0),  # every slot in a task of ten seconds: nothing to hoard
        (0, 0, 1000.0, 50),  # 50 ms of work
        (0, 50, 1000.0, 0),  # which is here already
        (0, 26, 1000.0, 0),  # nor a few now and a few in a moment
        (0, 25, 1000.0, 25),
        (1, 26, 1000.0, 25),  # a free slot does not wait
        (8, 0, 1e6, prefetch.BATCH),
    ],
)
def test_auto_wants_free_slots_and_a_little_more(idle: int, waiting: int, rate: float, expected: int) -> None:
    assert prefetch.wanted(idle, waiting, rate, slots=8, multiplier=None, unsettled=0) == expected


@pytest.mark.parametrize(
    ("multiplier", "unsettled", "expected"),
    [(4, 0, 32), (4, 30, 2), (4, 40, 0), (0, 10_000, prefetch.BATCH)],
)
def test_a_number_means_what_it_means_to_celery(multiplier: int, unsettled: int, expected: int) -> None:
    assert prefetch.wanted(8, 0, 0.0, slots=8, multiplier=multiplier, unsettled=unsettled) == expected


@pytest.mark.parametrize(
    ("duration", "width", "expected"),
    [
        (None, 1, 0),
        (1.0, 1, 0),
        (0.004, 1, 7),
        (0.001, 1, 30),
        (1e-5, 1, prefetch.DEEPEST),
        (1.0, 100, 0),
        (0.2, 100, 15),
        (0.01, 100, prefetch.DEEPEST),
    ],
)
def test_only_where_one_ends_soon_are_tasks_queued_ahead(
    duration: float | None, width: int, expected: int
) -> None:
    assert prefetch.depth(duration, width) == expected


def test_one_slow_run_counts_at_once_and_quick_ones_win_it_back() -> None:
    pace = Pace(0.0)
    for _ in range(100):
        pace.note("t", 0.001)
    pace.note("t", 5.0)
    assert prefetch.depth(pace.duration("t"), 1) == 0
    for _ in range(100):
        pace.note("t", 0.001)
    assert prefetch.depth(pace.duration("t"), 1) > 0


def test_the_rate_follows_what_ends_and_fades() -> None:
    pace = Pace(0.0)
    now = 0.0
    for _ in range(100):
        now += 0.05
        for _ in range(50):
            pace.note("t", 0.001)
        pace.rate(now)
    assert pace.rate(now) == pytest.approx(1000, rel=0.05)
    assert pace.rate(now + 2.0) < 1


def test_behind_what_was_sent_away_more_is_looked_for() -> None:
    def wanted(idle: int, sent_away: int) -> int:
        return prefetch.wanted(idle, 0, 0.0, slots=2, multiplier=None, unsettled=0, sent_away=sent_away)

    assert [wanted(2, sent_away) for sent_away in (0, 2, 6, 400)] == [2, 6, 14, prefetch.BATCH]
    assert wanted(0, 400) == 0


@pytest.mark.parametrize(
    ("queued", "rate", "expected"),
    [
        (0, 0.0, 0.0),
        (8, 1000.0, 0.0),  # one for each child, and none to spare
        (8 + 216, 1700.0, 0.005),  # 127 ms of work: the most
        (8 + 30, 1000.0, 0.00375),
        (8 + 100, 20_000.0, 0.002),  # 5 ms of work: the least
        (8 + 60, 20_000.0, 0.0),  # 3 ms of it: too little
        (64, 0.0, 0.0),  # nothing has ended lately: a child may, at any time
    ],
)
def test_the_supervisor_rests_only_while_all_children_have_work(
    queued: int, rate: float, expected: float
) -> None:
    assert prefetch.leisure(queued, 8, rate) == pytest.approx(expected)
