"""The chaos program itself, for a short time, by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.havoc.plan import Plan
from tools.havoc.run import run


@pytest.mark.parametrize(("seed", "server"), [(7, "valkey")])
def test_nothing_is_lost_and_no_task_runs_twice_without_a_cause(
    tmp_path: Path, seed: int, server: str
) -> None:
    plan = Plan(seconds=25, seed=seed, server=server, every=0.25, lease=2, absence=1, patience=20)
    outcome = run(plan, tmp_path, lambda line: None)
    assert outcome.good, outcome.text()
    assert outcome.done > 500
    assert outcome.harms.total() > 20
