"""How tools/chaos.py judges: which repeats have a cause, and how long it took to go on."""

from __future__ import annotations

import pytest

from tools.havoc.fleet import Span
from tools.havoc.judge import fallen, recoveries, repeats
from tools.havoc.ledger import Execution
from tools.havoc.scene import Harm

KILL = Harm("kill supervisor", at=10.0, until=10.1, reruns=True, worker="w1", life=1, struck=10.0, kills=True)
CUT = Harm("cut connections", at=10.0, until=10.1, worker="w1", life=1, struck=10.0)
LIVES = {"w1": [Span(0.0, 10.2), Span(12.0)], "w2": [Span(0.0)]}


def run(number: int, worker: str, life: int, started: float, ended: float | None = None) -> Execution:
    return Execution(number, worker, life, 1, started, ended)


@pytest.mark.parametrize(
    ("first", "harm", "explained"),
    [
        (run(1, "w1", 1, 9.0), KILL, True),
        (run(1, "w1", 1, 9.0, 9.5), KILL, True),  # not settled yet, perhaps
        (run(1, "w1", 1, 1.0, 2.0), KILL, False),  # settled long before
        (run(1, "w2", 1, 9.0), KILL, False),  # another worker was killed
        (run(1, "w1", 2, 9.0), KILL, False),  # the one before it was killed
        (run(1, "w1", 1, 9.0), CUT, False),  # no reason to run anything again
    ],
)
def test_a_repeat_has_a_cause_if_its_own_process_was_harmed_before_the_settlement(
    first: Execution, harm: Harm, explained: bool
) -> None:
    [repeat] = repeats([first, run(1, "w2", 1, 13.0, 14.0), run(2, "w2", 1, 13.0, 14.0)], [harm])
    assert (repeat.cause is harm) is explained


def test_a_worker_that_ends_though_nothing_ended_it_has_fallen() -> None:
    lives = {
        "w1": [Span(0.0, 10.2, doomed=True), Span(12.0, 13.0), Span(14.0)],
        "w2": [Span(0.0, doomed=True)],
    }
    assert fallen(lives) == ["w1 in life 2"]


def test_a_successor_is_measured_from_its_start_another_worker_from_the_kill() -> None:
    executions = [run(1, "w1", 1, 9.0), run(2, "w1", 1, 9.0), run(1, "w1", 2, 12.5), run(2, "w2", 1, 13.0)]
    found = repeats(executions, [KILL])
    assert recoveries(executions, [KILL], found, LIVES, 99.0) == {
        "kill supervisor: its successor": [0.5],
        "kill supervisor: another worker": [3.0],
    }


def test_a_time_without_the_server_is_not_counted() -> None:
    away = Harm("kill server", at=11.0, until=12.8)
    executions = [run(1, "w1", 1, 9.0), run(2, "w1", 1, 9.0), run(1, "w1", 2, 13.5), run(2, "w2", 1, 13.0)]
    harms = [KILL, away]
    found = recoveries(executions, harms, repeats(executions, harms), LIVES, 99.0)
    assert found["kill supervisor: its successor"] == [pytest.approx(0.7)]
    assert found["kill supervisor: another worker"] == [pytest.approx(0.2)]


def test_a_worker_that_begins_nothing_after_a_break_is_silent_until_the_end_of_the_watch() -> None:
    lives = {"w1": [Span(0.0)], "w2": [Span(0.0)]}
    assert recoveries([run(1, "w2", 1, 11.0)], [CUT], [], lives, 99.0) == {
        "cut connections": [pytest.approx(10.0)]
    }
    executions = [run(number, "w1", 1, 10.1 + number) for number in range(11)]
    assert recoveries(executions, [CUT], [], lives, 99.0)["cut connections"] == [pytest.approx(1.0)]
