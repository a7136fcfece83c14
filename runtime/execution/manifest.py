"""What the supervisor must know of each task. Told by the fork server once the app is loaded there,
so that after a restart of the children it is as fresh as their code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from runtime.app.app import App


@dataclass(frozen=True, slots=True)
class TaskOptions:
    name: str
    acks_late: bool = False
    acks_on_failure: bool = True
    acks_on_timeout: bool = True
    reject_on_worker_lost: bool | None = None
    ignore_result: bool = False
    store_errors_even_if_ignored: bool = False
    time_limit: float | None = None
    """Seconds."""
    soft_time_limit: float | None = None
    """Seconds."""
    max_deliveries: int = 3
    """Times that the task may kill its child before it is dead-lettered; 0: no bound."""


Manifest = dict[str, TaskOptions]


def describe(app: App) -> bytes:
    """The manifest of all tasks of the app."""
    return orjson.dumps([asdict(options_of(app, name)) for name in app.tasks])


def options_of(app: App, name: str) -> TaskOptions:
    task = app.tasks[name]
    return TaskOptions(
        name=name,
        acks_late=bool(task.acks_late),
        acks_on_failure=bool(task.acks_on_failure_or_timeout),
        acks_on_timeout=bool(task.acks_on_failure_or_timeout),
        reject_on_worker_lost=task.reject_on_worker_lost,
        ignore_result=bool(task.ignore_result),
        store_errors_even_if_ignored=bool(task.store_errors_even_if_ignored),
        time_limit=task.time_limit,
        soft_time_limit=task.soft_time_limit,
        max_deliveries=task.max_deliveries,
    )


def read(hello: bytes) -> Manifest:
    return {fields["name"]: TaskOptions(**fields) for fields in orjson.loads(hello)}
