"""How many tasks run at once, for how long, with which code."""

from __future__ import annotations

import signal
from typing import Any

from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView

MOST = 1000
"""Slots that one command may add."""


@COMMANDS.control(arguments=[("n", int)])
def pool_grow(view: WorkerView, n: int = 1) -> dict[str, str]:
    """Run n more tasks at once."""
    view.grow(_count(n))
    return {"ok": "pool will grow"}


@COMMANDS.control(arguments=[("n", int)])
def pool_shrink(view: WorkerView, n: int = 1) -> dict[str, str]:
    """Run n fewer tasks at once."""
    view.shrink(_count(n))
    return {"ok": "pool will shrink"}


@COMMANDS.control()
def pool_restart(view: WorkerView, modules: object = None, reload: bool = False) -> dict[str, str]:
    """Replace the children, with fresh code."""
    if not view.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled")
    view.signal(signal.SIGHUP)
    return {"ok": "reload started"}


@COMMANDS.control(arguments=[("task_name", str), ("soft", float), ("hard", float)])
def time_limit(
    view: WorkerView, task_name: str | None = None, hard: float | None = None, soft: float | None = None
) -> dict[str, str]:
    """Change the time limits of a task."""
    if task_name not in view.manifest:
        return {"error": "unknown task"}
    view.limit_task(task_name, _seconds("soft", soft), _seconds("hard", hard))
    return {"ok": "time limits set successfully"}


@COMMANDS.control(answers=False)
def shutdown(view: WorkerView) -> None:
    """Stop the worker once what runs has finished."""
    view.signal(signal.SIGTERM)


def _count(n: Any) -> int:
    if type(n) is not int or not 1 <= n <= MOST:
        raise ValueError(f"n must be a whole number from 1 to {MOST}, not {n!r:.100}")
    return n


def _seconds(name: str, value: Any) -> float | None:
    if not value:
        return None
    if type(value) not in (int, float) or not 0 < value <= 1e9:
        raise ValueError(f"{name} must be a number of seconds or null, not {value!r:.100}")
    return float(value)
