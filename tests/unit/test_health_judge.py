"""What is live and what is ready, by the facts."""

from __future__ import annotations

import pytest

from runtime.worker.health.condition import Condition
from runtime.worker.health.judge import judge
from runtime.worker.lifecycle import State

WELL = Condition(loaded=True, connected=True, fetched_at=99.0, slots=2, children=2, staffed=True)


def test_all_is_well() -> None:
    judgement = judge(WELL, childless=0.0, now=100.0)
    assert judgement.live
    assert judgement.ready


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"connected": False}, "not connected to the broker"),
        ({"fetched_at": 93.0}, "the last fetch was answered 7 s ago"),
        ({"loaded": False, "staffed": False}, "the children's code is not loaded yet"),
        ({"staffed": False}, "no child has booted yet"),
        ({"state": State.QUIET}, "the worker is quiet"),
        ({"state": State.DRAINING}, "the worker is draining"),
        ({"state": State.KILLING}, "the worker is killing"),
    ],
)
def test_what_a_restart_does_not_help_leaves_it_live(changes: dict[str, object], reason: str) -> None:
    condition = WELL._replace(**changes)  # type: ignore[arg-type]
    judgement = judge(condition, childless=1.0, now=100.0)
    assert judgement.live
    assert judgement.not_ready == (reason,)


def test_without_children_for_long_it_is_neither() -> None:
    judgement = judge(WELL._replace(staffed=False), childless=12.0, now=100.0)
    assert judgement.not_live == judgement.not_ready == ("no child has been able to run a task for 12 s",)


def test_a_long_load_of_the_code_is_for_the_pool_to_bound() -> None:
    assert judge(Condition(), childless=50.0, now=100.0).live
