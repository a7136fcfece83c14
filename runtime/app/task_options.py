"""What a task may declare: the attributes of a Task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from runtime.errors import MaxRetriesExceededError
from runtime.near import did_you_mean
from runtime.settings import DEFINITIONS
from runtime.settings.kinds import (
    BOOLEAN,
    EXCEPTIONS,
    MAPPING,
    MOMENT,
    NAME,
    PRIORITY,
    SECONDS,
    SERIALIZER,
    TEXT,
    Kind,
    either,
    optional,
    whole,
)

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
    """An attribute that is the app's setting unless the task, or its class, sets it. None does not."""

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self.kind = DEFINITIONS[setting].kind

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
    def inherited(cls) -> dict[str, Any]:
        """What a subclass sets; not what it computes."""
        found = {option: getattr(cls, option) for option in KINDS}
        return {
            option: value
            for option, value in found.items()
            if value is not vars(TaskOptions)[option] and not hasattr(value, "__get__")
        }

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the program uses them. Raises ValueError for an option that does not exist, and for
        a value that it cannot have."""
        return {
            option: cls._read(option, value)
            for option, value in options.items()
            if value is not None or not isinstance(vars(TaskOptions).get(option), FromSettings)
        }

    @classmethod
    def _read(cls, option: str, value: Any) -> Any:
        kind = KINDS.get(option)
        if kind is None:
            if hasattr(cls, option):  # its own, or a method
                return value
            raise ValueError(f"there is no option {option!r}{did_you_mean(option, KINDS)}")
        try:
            return kind.read(value)
        except ValueError:
            raise ValueError(f"{option} {kind.refusal(value)}") from None


KINDS: dict[str, Kind] = {
    **{name: each.kind for name, each in vars(TaskOptions).items() if isinstance(each, FromSettings)},
    "bind": BOOLEAN,
    "typing": BOOLEAN,
    "send_events": BOOLEAN,
    "max_retries": optional(whole(0)),
    "default_retry_delay": SECONDS,
    "autoretry_for": EXCEPTIONS,
    "dont_autoretry_for": EXCEPTIONS,
    "retry_kwargs": MAPPING,
    "retry_backoff": either(BOOLEAN, SECONDS),
    "retry_backoff_max": SECONDS,
    "retry_jitter": BOOLEAN,
    "pydantic": BOOLEAN,
    "pydantic_strict": BOOLEAN,
    "pydantic_context": optional(MAPPING),
    "pydantic_dump_kwargs": optional(MAPPING),
    "time_limit": optional(SECONDS),
    "soft_time_limit": optional(SECONDS),
    "serializer": optional(SERIALIZER),
    "compression": DEFINITIONS["task_compression"].kind,
    "queue": optional(NAME),
    "exchange": optional(NAME),
    "routing_key": optional(TEXT),
    "priority": optional(PRIORITY),
    "expires": optional(either(SECONDS, MOMENT)),
}
"""What each option may be."""
