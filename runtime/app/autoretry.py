"""Whether an exception is a reason to run its task again by itself, and when."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from runtime.errors import TaskPredicate

if TYPE_CHECKING:
    from runtime.app.task import Task


def outcome(task: Task, error: BaseException) -> BaseException:
    """What the running task ends with: a Retry, if the exception is one of `autoretry_for` and it may be
    tried again; else the exception itself."""
    if not isinstance(error, task.autoretry_for) or isinstance(
        error, (TaskPredicate, task.dont_autoretry_for)
    ):
        return error
    options = dict(task.retry_kwargs)
    if task.retry_backoff:
        options["countdown"] = backoff(
            task.request.retries, task.retry_backoff, task.retry_backoff_max, task.retry_jitter
        )
    try:
        return task.retry(exc=error, throw=False, **options)
    except Exception as last:  # noqa: BLE001  (the exception itself, once there are no more tries; or one of `retry_kwargs`)
        return last


def backoff(retries: int, factor: float | bool, longest: float, jitter: bool) -> float:
    """Seconds until the next try after so many retries: twice as long each time, from `factor` on (true: 1);
    with `jitter` anything from 0 to that (PROTOCOL 16)."""
    seconds = min(longest, max(1.0, float(factor)) * 2.0 ** min(retries, 64))
    return random.uniform(0, seconds) if jitter else seconds
