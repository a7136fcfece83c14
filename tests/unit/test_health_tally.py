"""Counts become metrics as Prometheus wants them."""

from __future__ import annotations

from runtime.worker.health.condition import Condition
from runtime.worker.health.exposition import Exposition
from runtime.worker.health.judge import judge
from runtime.worker.health.known_backlog import KnownBacklog
from runtime.worker.health.tally import Distribution
from tests.support.probes import samples


def test_buckets_are_cumulative_and_a_value_on_a_bound_is_within() -> None:
    exposition = Exposition()
    exposition.tally.turns = Distribution((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 3.0):
        exposition.tally.turned(seconds)
    text = exposition.text(Condition(), judge(Condition(), 0.0, 1.0), KnownBacklog(), 1.0)
    now = samples(text)
    assert now['runtime_loop_lag_seconds_bucket{le="0.1"}'] == 2
    assert now['runtime_loop_lag_seconds_bucket{le="1.0"}'] == 3
    assert now['runtime_loop_lag_seconds_bucket{le="+Inf"}'] == 4
    assert now["runtime_loop_lag_seconds_count"] == 4
    assert now["runtime_loop_lag_seconds_sum"] == 3.65


def test_what_has_not_happened_is_zero() -> None:
    now = samples(Exposition().text(Condition(), judge(Condition(), 0.0, 1.0), KnownBacklog(), 1.0))
    assert now['runtime_redeliveries_total{cause="worker"}'] == 0
    assert now["runtime_dead_letters_total"] == now["runtime_reconnects_total"] == now["runtime_ready"] == 0
    assert now["runtime_live"] == 1


def test_what_found_no_room_is_told() -> None:
    exposition = Exposition()
    for _ in range(2):
        exposition.tally.unspoken(unheard=2, unsaid=1)
    condition = Condition(dropped_events=3)
    now = samples(exposition.text(condition, judge(condition, 0.0, 1.0), KnownBacklog(), 1.0))
    assert now['runtime_unspoken_total{cause="unheard"}'] == 4
    assert now['runtime_unspoken_total{cause="unsaid"}'] == 2
    assert now["runtime_dropped_events_total"] == 3
