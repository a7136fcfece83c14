"""Prometheus' text format, by prometheus-client. Imported only where metrics are wanted: 70 ms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.worker.health.condition import Condition
from runtime.worker.health.judge import Judgement
from runtime.worker.health.known_backlog import KnownBacklog
from runtime.worker.health.tally import Distribution, Tally


class Exposition:
    """What has been counted, and what is so at the moment."""

    def __init__(self) -> None:
        self.tally = Tally()

    def text(self, condition: Condition, judgement: Judgement, backlog: KnownBacklog, now: float) -> bytes:
        """now: time.monotonic(). 100 different tasks take 8 ms."""
        registry = CollectorRegistry()
        registry.register(_Tallied(self.tally))
        registry.register(_Current(condition, judgement, now))
        registry.register(_Waiting(backlog, condition, now))
        ProcessCollector(registry=registry)
        return generate_latest(registry)


class _Tallied(Collector):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        tally = self._tally
        ends = CounterMetricFamily("runtime_tasks", "Runs that are over.", labels=["task", "state"])
        run = HistogramMetricFamily("runtime_task_run_seconds", "From start to end.", labels=["task"])
        wait = HistogramMetricFamily(
            "runtime_task_wait_seconds", "From the arrival here, or the ETA, to the start.", labels=["queue"]
        )
        for name, task in tally.tasks.items():
            for state, count in task.states.items():
                ends.add_metric([name, state], count)
            run.add_metric([name], *_buckets(task.run))
        for queue, waits in tally.waits.items():
            wait.add_metric([queue], *_buckets(waits))
        turns = HistogramMetricFamily(
            "runtime_loop_lag_seconds", "Turns of the loop: how long an event may have waited for it."
        )
        turns.add_metric([], *_buckets(tally.turns))
        yield from (ends, run, wait, turns)
        yield _by_cause(
            "unspoken", "Messages of remote control and events that found no room.", tally.unspoken_messages
        )
        yield _by_cause("redeliveries", "Messages that run again: what ran them died.", tally.redeliveries)
        for name, meaning, count in (
            ("dead_letters", "Messages put into dead-letter lists.", tally.dead_letters),
            ("refused", "Messages that were malformed, unknown or expired.", tally.refusals),
            ("fenced_settlements", "Settlements that came too late.", tally.too_late),
            ("reconnects", "Connections to the broker made anew.", tally.reconnects),
        ):
            yield CounterMetricFamily(f"runtime_{name}", meaning, count)


class _Current(Collector):
    def __init__(self, condition: Condition, judgement: Judgement, now: float) -> None:
        self._condition = condition
        self._judgement = judgement
        self._now = now

    def collect(self) -> Iterator[Metric]:
        condition, judgement = self._condition, self._judgement
        for name, meaning, value in (
            ("live", "1: live.", judgement.live),
            ("ready", "1: ready.", judgement.ready),
            ("slots", "Tasks that can run at once.", condition.slots),
            ("children", "Child processes.", condition.children),
            ("running", "Tasks that run.", condition.running),
            ("waiting", "Messages reserved and due, not begun.", condition.waiting),
            ("reserved", "Messages in this worker's memory.", condition.reserved),
            ("unacked", "Those of them that are not acknowledged.", condition.unacked),
            ("fetch_age_seconds", "Since the broker last answered.", self._now - condition.fetched_at),
        ):
            yield GaugeMetricFamily(f"runtime_{name}", meaning, float(value))
        yield CounterMetricFamily(
            "runtime_dropped_events", "Task events that found no room.", condition.dropped_events
        )
        yield _by_cause("child_ends", "Children that ended.", condition.ends_of_children)


class _Waiting(Collector):
    """At the broker. What it has not told yet has no sample."""

    def __init__(self, backlog: KnownBacklog, condition: Condition, now: float) -> None:
        self._backlog = backlog
        self._condition = condition
        self._now = now

    def collect(self) -> Iterator[Metric]:
        known, told = self._backlog, self._backlog.told
        depth = GaugeMetricFamily(
            "runtime_queue_depth", "Messages that wait in the queue, all priorities.", labels=["queue"]
        )
        lag = GaugeMetricFamily(
            "runtime_queue_lag_seconds",
            "Since this worker last saw the queue empty, or since it started: what came later cannot wait "
            "for longer. (Messages do not say when they were sent: the age of the oldest is not known.)",
            labels=["queue"],
        )
        held = GaugeMetricFamily(
            "runtime_held", "Messages held by the broker for this worker until their ETA."
        )
        age = GaugeMetricFamily(
            "runtime_backlog_age_seconds", "Since the broker told the depths and what it holds."
        )
        if told is not None:
            for queue, waiting in told.waiting.items():
                depth.add_metric([queue], waiting)
                lag.add_metric([queue], known.lag(queue, self._condition, self._now))
            held.add_metric([], told.held)
            age.add_metric([], known.age(self._now))
        yield from (depth, lag, held, age)


def _by_cause(name: str, meaning: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"runtime_{name}", meaning, labels=["cause"])
    for cause, count in counts.items():
        family.add_metric([cause], count)
    return family


def _buckets(distribution: Distribution) -> tuple[list[tuple[str, float]], float]:
    """Cumulative, as Prometheus has them; and the sum."""
    bounds = [*(str(float(bound)) for bound in distribution.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(distribution.counts)), strict=True)), distribution.sum
