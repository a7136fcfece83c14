"""The chaos program itself, for a short time, by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.havoc.plan import Plan
from tools.havoc.run import run


@pytest.mark.parametrize(
    ("pool", "seconds"), [("prefork", 16), ("threads", 8), ("asyncio", 8), ("gevent", 8), ("solo", 8)]
)
def test_nothing_is_lost_and_no_task_runs_twice_without_a_cause(
    tmp_path: Path, pool: str, seconds: float
) -> None:
    slots = 1 if pool == "solo" else 8
    plan = Plan(
        seconds, seed=7, pool=pool, slots=slots, server="valkey", every=0.25, lease=2, absence=1, patience=20
    )
    outcome = run(plan, tmp_path, lambda line: None)
    assert outcome.good, outcome.text()
    assert outcome.done > 20 * seconds
    assert outcome.harms.total() > seconds / 4
