"""What the supervisor must know of a Celery app's tasks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from runtime.execution.manifest import TaskOptions
from runtime.integrations.celery import custom
from runtime.protocol import ended

if TYPE_CHECKING:
    from celery import Celery


def describe(app: Celery) -> bytes:
    """As `runtime.execution.manifest.describe`."""
    options = [asdict(options_of(name, task)) for name, task in app.tasks.items()]
    options.append(asdict(TaskOptions(ended.TASK, acks_late=True, ignore_result=True, logs_itself=True)))
    return orjson.dumps({"tasks": options, "commands": list(custom.functions())}, default=str)


def options_of(name: str, task: Any) -> TaskOptions:
    return TaskOptions(
        name=name,
        acks_late=bool(task.acks_late),
        acks_on_failure=_acks(task, "acks_on_failure"),
        acks_on_timeout=_acks(task, "acks_on_timeout"),
        reject_on_worker_lost=task.reject_on_worker_lost,
        ignore_result=bool(task.ignore_result),
        store_errors_even_if_ignored=bool(task.store_errors_even_if_ignored),
        time_limit=task.time_limit,
        soft_time_limit=task.soft_time_limit,
        send_events=bool(task.send_events),
        rate_limit=task.rate_limit,
        exchange=getattr(task, "exchange", None),
        routing_key=getattr(task, "routing_key", None),
        logs_itself=True,
    )


def _acks(task: Any, name: str) -> bool:
    """Before 5.7 one attribute stood for both."""
    own = getattr(task, name, None)
    return bool(task.acks_on_failure_or_timeout if own is None else own)
