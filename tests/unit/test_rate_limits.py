"""Rate limits: as they are written (`runtime.rates`), whose turn it is (`pipeline.bucket`), and who waits
where (`pipeline.limit`)."""

from __future__ import annotations

import pytest

from runtime import rates
from runtime.execution.manifest import TaskOptions
from runtime.protocol.task_message import TaskMessage
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.bucket import Bucket
from runtime.worker.pipeline.limit import RateLimits

FOREVER = float("inf")


@pytest.mark.parametrize(
    ("limit", "rate"),
    [("10/s", 10), ("30/m", 0.5), ("36/h", 0.01), ("2", 2), (3, 3), (None, 0), ("", 0), (0, 0)],
)
def test_a_limit_is_so_many_a_second(limit: object, rate: float) -> None:
    assert rates.per_second(limit) == pytest.approx(rate)


@pytest.mark.parametrize("limit", ["often", "1/d", "-1/s", "inf", "nan", "1/2/s", -1, True, [1]])
def test_what_is_no_limit_is_refused(limit: object) -> None:
    with pytest.raises(ValueError, match="a rate limit must be a number of tasks"):
        rates.per_second(limit)


def test_a_bucket_holds_one_token() -> None:
    bucket = Bucket(10)
    assert bucket.take(100.0)
    assert not bucket.take(100.04)
    assert bucket.turn(2, 100.0) == pytest.approx(100.25)
    assert bucket.take(100.05)
    assert [bucket.take(200.0) for _ in range(3)] == [True, False, False]


def test_a_late_start_does_not_delay_the_following_ones() -> None:
    bucket = Bucket(100)
    now = 100.0
    starts = sum(bucket.take(now + turn * 0.015) for turn in range(100) for _ in range(3))
    assert starts == pytest.approx(150, abs=6)


class Limited:
    """Reservations of a task with this limit, and what has become of them."""

    def __init__(self, limit: str) -> None:
        self.limits = RateLimits(disabled=False)
        self.options = TaskOptions("t", rate_limit=limit)
        self.limits.load({"t": self.options})
        self.ledger = Ledger()

    def reservation(self) -> Reservation:
        task = TaskMessage()
        task.name = "t"
        return self.ledger.enter("tag", "queue", b"", task, self.options)

    def arrive(self, count: int, held: bool = False, now: float = 0.0) -> list[float | None]:
        return [self.limits.wait(self.reservation(), held, FOREVER, now) for _ in range(count)]


def test_what_may_start_soon_waits_here_and_the_rest_elsewhere_until_its_turn() -> None:
    limited = Limited("2/s")
    waits = limited.arrive(6)
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:] == pytest.approx([1.5, 2.0, 2.5])
    assert len(limited.limits) == 3
    assert [len(limited.limits.due(now)) for now in (0.0, 0.4, 0.5, 1.0)] == [1, 0, 1, 1]
    assert limited.arrive(1, held=True, now=1.4) == [0.0]
    assert limited.arrive(1, now=1.4) == [pytest.approx(1.6)]  # behind all that were before it


def test_a_task_without_a_limit_does_not_wait() -> None:
    limited = Limited("1/h")
    other = limited.reservation()
    other.task.name = "other"
    assert limited.limits.wait(other, False, FOREVER, 0.0) is None
    disabled = RateLimits(disabled=True)
    disabled.load({"t": limited.options})
    assert not disabled.any()


def test_what_expires_before_its_turn_takes_no_turn() -> None:
    limited = Limited("1/m")
    limited.arrive(2)
    assert limited.limits.wait(limited.reservation(), False, 70.0, 0.0) == 70.0
    assert limited.arrive(1) == [120.0]


def test_a_change_brings_back_what_is_held_and_at_most_every_ten_seconds() -> None:
    limited = Limited("1/h")
    limited.arrive(10)
    assert not limited.limits.rouses(0.0)
    limited.limits.change("t", "1/h")
    assert not limited.limits.rouses(0.0)
    limited.limits.change("t", "10/s")
    assert limited.limits.rouses(0.0)
    assert not limited.limits.rouses(0.0)
    limited.limits.change("t", None)
    assert limited.limits.next_due(5.0) == 5.0  # the one that waits here
    assert len(limited.limits.due(5.0)) == 1
    assert limited.limits.next_due(5.0) == 10.0
    assert not limited.limits.rouses(5.0)
    assert limited.limits.rouses(10.0)


def test_the_turns_of_what_is_withdrawn_are_free() -> None:
    limited = Limited("1/s")
    limited.arrive(100)
    assert len(limited.limits.withdraw(lambda each: each.id > 1, 0.0)) == 1
    assert limited.limits.rouses(0.0)
    assert limited.arrive(1, held=True) == [0.0]


def test_what_comes_back_all_at_once_is_sent_away_again_but_for_the_first() -> None:
    limited = Limited("10/s")
    waits = limited.arrive(50, held=True, now=1000.0)
    assert waits[:31] == [0.0] * 31
    assert waits[31:] == pytest.approx([3.1 + number / 10 for number in range(19)])
