"""Every exception that users of `runtime` raise or catch.

On the wire each travels under Celery's module name (`WIRE_MODULES`, PROTOCOL 10.2), so that Celery's
clients rebuild their own class from it and we rebuild ours.

The four that billiard defines are here too, as billiard's own classes: Celery's clients look them up
by that module. They are fetched on first use, because importing billiard takes 40 ms.
"""

from __future__ import annotations

import builtins
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billiard.exceptions import (  # noqa: F401  (see __getattr__)
        SoftTimeLimitExceeded,
        Terminated,
        TimeLimitExceeded,
        WorkerLostError,
    )

    from brokers.interface import Push


class Error(Exception):
    """The base of all errors defined here."""


class ImproperlyConfigured(Error):
    """A setting, an option or an app is wrong; the message names it, its value and what is right."""


class AppNotFound(ImproperlyConfigured):
    """`-A` names nothing that is an app."""


class TaskPredicate(Error):
    """Raised by a task to say how it ends: no failure."""


class Ignore(TaskPredicate):
    """The task ends without a stored state."""


class Reject(TaskPredicate):
    """The message is rejected; with `requeue` it goes back to the tail of its queue."""

    def __init__(self, reason: object = None, requeue: bool = False) -> None:
        super().__init__(reason, requeue)
        self.reason = reason
        self.requeue = requeue


class Retry(TaskPredicate):
    """The task is to run again. `push` is the message that does it: whoever executes the task
    publishes it in the step that settles the old one (P5). None: nothing is to be published."""

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | None = None,
        when: float | None = None,
        push: Push | None = None,
    ) -> None:
        super().__init__(message, exc, when)
        self.message = message
        self.exc = exc
        self.when = when
        """Epoch seconds."""
        self.push = push

    def __str__(self) -> str:
        """As Celery's, from now on."""
        if self.message:
            return self.message
        wait = "" if self.when is None else f" in {max(0, round(self.when - time.time()))}s"
        return f"Retry{wait}" if self.exc is None else f"Retry{wait}: {self.exc!r}"


class TaskError(Error):
    """The base of what becomes of tasks."""


class NotRegistered(KeyError, TaskError):
    """No task of this name in this app."""

    def __str__(self) -> str:
        return f"task {self.args[0]!r} is not registered" if self.args else "task is not registered"


class AlreadyRegistered(TaskError):
    """Another function is registered under this task name."""


class TaskRevokedError(TaskError):
    """The task was revoked, terminated, or had expired before it could start."""


class TimeoutError(TaskError, builtins.TimeoutError):
    """The result did not come within the given time."""


class MaxRetriesExceededError(TaskError):
    """The task has been retried as often as it may be."""


class IncompleteStream(TaskError):
    """Not all results of a work-flow are known yet."""


class ChordError(TaskError):
    """A task of the chord's header failed."""


class SecurityError(Error):
    """A stored result asks for something other than an exception class."""


class EncodeError(Error):
    """A value cannot be serialised."""


class DecodeError(Error):
    """Bytes are not what their content type says."""


class ContentDisallowed(DecodeError):
    """The content type is not in `accept_content`."""


WIRE_MODULES: dict[type[BaseException], str] = {
    **dict.fromkeys(
        (
            ImproperlyConfigured,
            Ignore,
            Reject,
            Retry,
            TaskError,
            NotRegistered,
            AlreadyRegistered,
            TaskRevokedError,
            TimeoutError,
            MaxRetriesExceededError,
            IncompleteStream,
            ChordError,
            SecurityError,
        ),
        "celery.exceptions",
    ),
    **dict.fromkeys((EncodeError, DecodeError, ContentDisallowed), "kombu.exceptions"),
}
"""The module under which each class travels (PROTOCOL 10.2)."""

BILLIARD = frozenset({"SoftTimeLimitExceeded", "TimeLimitExceeded", "WorkerLostError", "Terminated"})


def __getattr__(name: str) -> Any:
    if name not in BILLIARD:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from billiard import exceptions

    return getattr(exceptions, name)
