"""What a task may declare: the attributes of a Task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from runtime.errors import ImproperlyConfigured, MaxRetriesExceededError

if TYPE_CHECKING:
    from runtime.app.app import App

T = TypeVar("T")

NO_KWARGS: Mapping[str, Any] = {}

DECLARED = (
    "queue",
    "exchange",
    "routing_key",
    "priority",
    "serializer",
    "compression",
    "expires",
    "time_limit",
    "soft_time_limit",
    "ignore_result",
)
"""Send options that a task may set for itself."""


class FromSettings(Generic[T]):
    """An attribute that is the app's setting unless the task, or its class, sets it."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    @overload
    def __get__(self, task: None, owner: type[TaskOptions]) -> FromSettings[T]: ...
    @overload
    def __get__(self, task: TaskOptions, owner: type[TaskOptions]) -> T: ...
    def __get__(self, task: TaskOptions | None, owner: type[TaskOptions]) -> T | FromSettings[T]:
        if task is None:
            return self
        value: T = getattr(task.app.conf, self._setting)  # not an item: that is a call in Python
        return value


class TaskOptions:
    """Options of `@app.task`, with their defaults."""

    app: App
    name: str
    bind: bool = False
    """The function takes the task itself as its first argument."""
    typing: bool = True
    """Arguments are checked when the task is sent."""
    acks_late: FromSettings[bool] | bool = FromSettings("task_acks_late")
    acks_on_failure: FromSettings[bool] | bool = FromSettings("task_acks_on_failure")
    acks_on_timeout: FromSettings[bool] | bool = FromSettings("task_acks_on_timeout")
    reject_on_worker_lost: FromSettings[bool | None] | bool | None = FromSettings(
        "task_reject_on_worker_lost"
    )
    max_deliveries: FromSettings[int] | int = FromSettings("task_max_deliveries")
    ignore_result: FromSettings[bool] | bool = FromSettings("task_ignore_result")
    store_errors_even_if_ignored: FromSettings[bool] | bool = FromSettings(
        "task_store_errors_even_if_ignored"
    )
    track_started: FromSettings[bool] | bool = FromSettings("task_track_started")
    send_events: bool = True
    """Workers tell of it, if they tell of tasks at all."""
    max_retries: int | None = 3
    """None: no bound."""
    default_retry_delay: float = 180
    """Seconds."""
    rate_limit: FromSettings[str | float | None] | str | float | None = FromSettings(
        "task_default_rate_limit"
    )
    """So many start in each worker: `"10/s"`, `"100/m"`, `"1000/h"`, or a number a second; 0: no bound."""
    autoretry_for: tuple[type[BaseException], ...] = ()
    """Exceptions after which it is run again by itself."""
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    """Of those, which are failures all the same."""
    retry_kwargs: Mapping[str, Any] = NO_KWARGS
    """What `retry()` is called with then."""
    retry_backoff: float | bool = False
    """Seconds before the first of these retries (true: 1), twice as long each time; false: `countdown` of
    `retry_kwargs`, or default_retry_delay."""
    retry_backoff_max: float = 600
    """Seconds."""
    retry_jitter: bool = True
    """Wait for anything from 0 seconds to that."""
    pydantic: bool = False
    """Arguments and the result that are annotated as pydantic's models are sent as what they hold."""
    pydantic_strict: bool = False
    pydantic_context: Mapping[str, Any] | None = None
    pydantic_dump_kwargs: Mapping[str, Any] | None = None
    """Of `model_dump`; `mode` is `json`."""
    time_limit: float | None = None
    """Seconds; None: the worker's."""
    soft_time_limit: float | None = None
    """Seconds; None: the worker's."""
    serializer: str | None = None
    compression: str | None = None
    queue: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    expires: float | datetime | None = None
    MaxRetriesExceededError = MaxRetriesExceededError

    @classmethod
    def check_name(cls, option: str) -> None:
        """Raises ImproperlyConfigured unless there is such an option."""
        if option in TaskOptions.__annotations__ or hasattr(cls, option):
            return
        from difflib import get_close_matches

        known = [name for name in TaskOptions.__annotations__ if name not in ("app", "name")]
        near = get_close_matches(option, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ImproperlyConfigured(f"there is no option {option!r}{hint}")
