"""What the supervisor must know of each task, and of custom commands. Told by the fork server once the app
is loaded there, so that after a restart of the children it is as fresh as their code."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import orjson

from runtime.remote import custom

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
    send_events: bool = True
    rate_limit: str | float | None = None
    exchange: str | None = None
    routing_key: str | None = None
    max_deliveries: int = 3
    """Times that the task may kill its child before it is dead-lettered; 0: no bound."""
    logs_itself: bool = False
    """Its child has written the log line about its end. No attribute of a task, but what runs it knows."""


Manifest = dict[str, TaskOptions]


def describe(app: App) -> bytes:
    """All tasks of the app, and the names of the custom commands in its modules."""
    tasks = [asdict(options_of(app, name)) for name in app.tasks]
    return orjson.dumps({"tasks": tasks, "commands": list(custom.registered())}, default=str)


def options_of(app: App, name: str) -> TaskOptions:
    """A task has an attribute of each option's name."""
    attributes = [option.name for option in fields(TaskOptions) if option.name != "logs_itself"]
    return TaskOptions(**{attribute: getattr(app.tasks[name], attribute) for attribute in attributes})


def read(hello: bytes) -> Manifest:
    return {options["name"]: TaskOptions(**options) for options in orjson.loads(hello)["tasks"]}


def read_commands(hello: bytes) -> list[str]:
    """Names of custom commands."""
    commands: list[str] = orjson.loads(hello)["commands"]
    return commands
