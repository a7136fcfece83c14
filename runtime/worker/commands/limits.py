"""How often, and for how long, tasks of a name run."""

from __future__ import annotations

from typing import Any

from runtime.protocol.bounds import check_limits
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.control(arguments=[("task_name", str), ("rate_limit", str)])
def rate_limit(
    view: WorkerView, task_name: str | None = None, rate_limit: str | float | None = None
) -> dict[str, str]:
    """Change the rate limit of a task."""
    if task_name not in view.manifest:
        return {"error": "unknown task"}
    if not view.rates_are_limited():
        return {"error": "rate limits are disabled: worker_disable_rate_limits"}
    try:
        view.limit_rate(task_name, rate_limit)
    except ValueError as error:
        return {"error": f"Invalid rate limit string: {error!r}"}
    return {"ok": "new rate limit set successfully" if rate_limit else "rate limit disabled successfully"}


@COMMANDS.control(arguments=[("task_name", str), ("soft", float), ("hard", float)])
def time_limit(
    view: WorkerView, task_name: str | None = None, hard: float | None = None, soft: float | None = None
) -> dict[str, str]:
    """Change the time limits of a task."""
    if task_name not in view.manifest:
        return {"error": "unknown task"}
    limits = _seconds("soft", soft), _seconds("hard", hard)
    check_limits(*limits)
    view.limit_task(task_name, *limits)
    return {"ok": "time limits set successfully"}


def _seconds(name: str, value: Any) -> float | None:
    if not value:
        return None
    if type(value) not in (int, float) or not 0 < value <= 1e9:
        raise ValueError(f"{name} must be a number of seconds or null, not {value!r:.100}")
    return float(value)
