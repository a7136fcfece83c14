"""Whether a worker is live and ready: a pure judgement over facts (P13)."""

from __future__ import annotations

from typing import NamedTuple

from runtime.worker.health.condition import Condition
from runtime.worker.lifecycle import State

CHILDLESS = 10.0
"""Seconds without a single child that could run something, after which the worker is not live."""
FETCH_AGE = 5.0
"""Seconds; an idle worker fetches once a second."""


class Judgement(NamedTuple):
    not_live: tuple[str, ...]
    """Reasons; none: it is live. To restart it could help."""
    not_ready: tuple[str, ...]
    """Reasons, those of `not_live` among them; none: it is ready."""

    @property
    def live(self) -> bool:
        return not self.not_live

    @property
    def ready(self) -> bool:
        return not self.not_ready


def judge(condition: Condition, childless: float, now: float) -> Judgement:
    """childless: seconds since there was a child that could run something, or since the start. now:
    time.monotonic(). That the loop turns needs no fact: it is the loop that asks."""
    return Judgement(tuple(_against_life(condition, childless)), tuple(_all(condition, childless, now)))


def _against_life(condition: Condition, childless: float) -> list[str]:
    """While code is being loaded for the first time there is no child yet; the pool sets a bound to that."""
    if condition.loaded and childless >= CHILDLESS:
        return [f"no child has been able to run a task for {childless:.0f} s"]
    return []


def _all(condition: Condition, childless: float, now: float) -> list[str]:
    reasons = _against_life(condition, childless)
    if condition.state is not State.RUNNING:
        reasons.append(f"the worker is {condition.state.name.lower()}")
    if not condition.loaded:
        reasons.append("the children's code is not loaded yet")
    elif not condition.staffed and not reasons:
        reasons.append("no child has booted yet")
    if not condition.connected:
        reasons.append("not connected to the broker")
    elif condition.loaded and now - condition.fetched_at >= FETCH_AGE:
        reasons.append(f"the last fetch was answered {now - condition.fetched_at:.0f} s ago")
    return reasons
