"""What the supervisor must know of a Celery app's tasks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from runtime.execution.manifest import TaskOptions
from runtime.integrations.celery import custom
from runtime.integrations.celery.settings import translated
from runtime.protocol import ended
from runtime.settings import Settings
from runtime.settings.settings import check

if TYPE_CHECKING:
    from celery import Celery


def describe(app: Celery) -> bytes:
    """As `runtime.execution.manifest.describe`. Raises ImproperlyConfigured."""
    deliveries = Settings(translated(app).settings).task_max_deliveries
    options = [asdict(options_of(name, task, deliveries)) for name, task in app.tasks.items()]
    options.append(asdict(TaskOptions(ended.TASK, acks_late=True, ignore_result=True, logs_itself=True)))
    return orjson.dumps({"tasks": options, "commands": list(custom.functions())}, default=str)


def options_of(name: str, task: Any, deliveries: int) -> TaskOptions:
    """deliveries: `max_deliveries` of one that does not say. Raises ImproperlyConfigured."""
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
        max_deliveries=check("task_max_deliveries", getattr(task, "max_deliveries", deliveries)),
        logs_itself=True,
    )


def _acks(task: Any, name: str) -> bool:
    """Before 5.7 one attribute stood for both."""
    own = getattr(task, name, None)
    return bool(task.acks_on_failure_or_timeout if own is None else own)
