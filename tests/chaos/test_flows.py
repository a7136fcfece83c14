"""Chains and chords under random harm: no next step is lost or sent twice, and each body is sent once."""

from __future__ import annotations

from pathlib import Path

from tools.havoc.plan import Plan
from tools.havoc.run import run


def test_every_step_of_every_work_flow_is_done_once(tmp_path: Path) -> None:
    plan = Plan(
        seconds=5, seed=11, server="valkey", flows=True, harms=12, every=0.25, lease=2, patience=15, absence=1
    )
    outcome = run(plan, tmp_path, lambda line: None)
    assert outcome.good, outcome.text()
    assert outcome.done > 500
