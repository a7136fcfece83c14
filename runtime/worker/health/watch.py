"""Health as the loop has it: looked at by itself, told of the worker's condition."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from brokers.interface import Settlement
from runtime.worker.core import Core
from runtime.worker.health.health import Health
from runtime.worker.health.observe import observe
from runtime.worker.lifecycle import State


class Watch:
    """An attendant."""

    def __init__(self, health: Health, core: Core) -> None:
        self._health = health
        self._core = core
        self._state = State.RUNNING
        """As last told."""
        self._is_reloading = False
        """The same."""

    def fileno(self) -> int:
        return self._health.fileno()

    def next_deadline(self) -> float:
        core = self._core
        has_news = (
            core.life.state is not self._state
            or core.code.is_reloading is not self._is_reloading
            or core.inquiry.backlog is not None
        )
        return -inf if has_news else self._health.next_deadline()

    def attend(self, now: float) -> Sequence[Settlement]:
        core = self._core
        self._state = core.life.state
        self._tell_of_code(now)
        backlog = core.inquiry.take_backlog()
        if backlog is not None:
            self._health.told(backlog, now)
        if self._health.attend(now, observe(core)):
            core.inquiry.measure()
        return ()

    def _tell_of_code(self, now: float) -> None:
        if self._core.code.is_reloading is self._is_reloading:
            return
        self._is_reloading = self._core.code.is_reloading
        if self._is_reloading:
            self._health.reloading(now)
        else:
            self._health.reloaded()
