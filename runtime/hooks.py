"""Hooks: your functions, called when something happens. They read like Celery's signals, and have their
names and arguments.

    from runtime import hooks

    @hooks.task_failure.connect
    def tell(sender, task_id, exception, **more): ...

    @hooks.before_task_publish.connect(sender="shop.charge")
    def mark(sender, headers, **more):
        headers["trace"] = current_trace()

A function gets everything by name, and more with later versions: take `**more`. What it returns is ignored.
What it raises is logged, and changes nothing else. It is called by the process in which it happens, which is
told with each hook below; there its module must have been imported. In the supervisor, that is what the
app's own module imports; and nothing else goes on there meanwhile, so be quick.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from runtime.app.app import App

logger = logging.getLogger("runtime.hooks")

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


class Node(NamedTuple):
    """A worker: the sender of hooks that concern the whole of it."""

    app: App
    hostname: str
    """Its node name."""

    @property
    def name(self) -> str:
        return self.hostname


class _Handler(NamedTuple):
    find: Callable[[], Function | None]
    """The function, or None: there is none any more."""
    sender: object
    """The name of the only sender that concerns it; None: any."""


class Hook:
    """Of one kind. `if hook.handlers:` before anything is prepared: unused ones are to cost nothing."""

    __slots__ = ("handlers", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: list[_Handler] = []

    @overload
    def connect(self, function: F, /, *, sender: object = None, weak: bool = False) -> F: ...
    @overload
    def connect(
        self, function: None = None, /, *, sender: object = None, weak: bool = False
    ) -> Callable[[F], F]: ...
    def connect(
        self, function: F | None = None, /, *, sender: object = None, weak: bool = False
    ) -> F | Callable[[F], F]:
        """Have a function called; also as a decorator, with or without arguments. One that is connected
        already is not called twice.

        sender: only for this task (or its name), or worker (by its node name). weak: it is forgotten when
        nobody else holds it. (That is Celery's default, and silently loses functions made in functions.)
        """

        def connected(function: F) -> F:
            self.disconnect(function, sender=sender)
            self.handlers.append(_Handler(_reference(function, weak), _name_of(sender)))
            return function

        return connected if function is None else connected(function)

    def disconnect(self, function: Function, /, *, sender: object = None) -> bool:
        """Not call it any more. Whether it was connected, with this sender."""
        others = [
            each for each in self.handlers if each.find() != function or each.sender != _name_of(sender)
        ]
        known = len(others) < len(self.handlers)
        self.handlers = others
        return known

    def send(self, sender: object, **arguments: Any) -> None:
        """Call all whom it concerns, in the order in which they were connected."""
        name = _name_of(sender)
        for handler in self.handlers:
            if handler.sender is not None and handler.sender != name:
                continue
            function = handler.find()
            if function is None:
                self.handlers = [each for each in self.handlers if each is not handler]
                continue
            try:
                function(sender=sender, signal=self, **arguments)
            except (Exception, SystemExit):
                logger.exception("Hook %s: %r failed", self.name, function)

    def __repr__(self) -> str:
        return f"<Hook {self.name}: {len(self.handlers)} connected>"


def _reference(function: Function, weak: bool) -> Callable[[], Function | None]:
    if not weak:
        return lambda: function
    return weakref.WeakMethod(function) if isinstance(function, MethodType) else weakref.ref(function)


def _name_of(sender: object) -> object:
    """A task, and a worker, are known by their names."""
    return getattr(sender, "name", sender)


# In whoever sends -------------------------------------------------------------------------------------

before_task_publish = Hook("before_task_publish")
"""sender: the task's name; body: (args, kwargs, what is embedded), headers, properties: what is changed
in these is sent; exchange, routing_key. For all that our client composes, a retry or the next step of a
chain too."""
after_task_publish = Hook("after_task_publish")
"""sender, body, headers, exchange, routing_key: the broker has it. Not for what a worker sends together
with the end of a task: retries, next steps."""

# In the process that runs the task (in the pool `solo`: the supervisor) -------------------------------

task_prerun = Hook("task_prerun")
"""sender: the task; task_id, task, args, kwargs."""
task_postrun = Hook("task_postrun")
"""As task_prerun; retval: what it returned or raised; state: SUCCESS, FAILURE, RETRY, IGNORED or
REJECTED."""
task_success = Hook("task_success")
"""sender: the task; result. Its result is stored after that."""
task_failure = Hook("task_failure")
"""sender: the task; task_id, exception, args, kwargs, traceback, einfo. What kills a task or its
process is told in the supervisor, with the task's name as sender; the last four are None there."""
task_retry = Hook("task_retry")
"""sender: the task; request, reason: the Retry; einfo."""
task_internal_error = Hook("task_internal_error")
"""sender: the task's name; task_id, exception, traceback, einfo, args, kwargs, request (the last three
None): a task's end could not be told."""
worker_process_init = Hook("worker_process_init")
"""sender: the Node. A process that runs tasks has begun, and has no task yet."""
worker_process_shutdown = Hook("worker_process_shutdown")
"""sender: the Node; pid, exitcode. Such a process ends by itself: not if it is killed."""

# In the fork server -----------------------------------------------------------------------------------

worker_before_create_process = Hook("worker_before_create_process")
"""sender: the Node. A process that runs tasks is about to be forked. Not in the pool `solo`."""

# In `runtime beat` ------------------------------------------------------------------------------------

beat_init = Hook("beat_init")
"""sender: the app. The schedule file is ours; nothing has been sent yet."""
beat_embedded_init = Hook("beat_embedded_init")
"""The same, after it, if this is the beat of a worker (`start --beat`)."""

# In the supervisor ------------------------------------------------------------------------------------

task_received = Hook("task_received")
"""sender: the Node; request: without args and kwargs, which are not decoded here; it has argsrepr."""
task_revoked = Hook("task_revoked")
"""sender: the task's name; request, as above; terminated, expired: whether; signum: the
signal's number if terminated, else None."""
task_rejected = Hook("task_rejected")
"""sender: the Node; message: its bytes; exc: why it makes no sense."""
task_unknown = Hook("task_unknown")
"""sender: the Node; name, id, message: its bytes; exc."""
celeryd_init = Hook("celeryd_init")
"""sender: the node name; instance: the Node; conf; options. What is changed in conf counts."""
celeryd_after_setup = Hook("celeryd_after_setup")
"""sender, instance, conf: it is decided what this worker will be."""
worker_init = Hook("worker_init")
"""sender: the Node. Nothing is started yet."""
worker_ready = Hook("worker_ready")
"""sender: the Node. Tasks can be run."""
worker_shutting_down = Hook("worker_shutting_down")
"""sender: the node name; sig: the name of the signal, or None; how: `Warm` or `Cold`; exitcode."""
worker_shutdown = Hook("worker_shutdown")
"""sender: the Node. All has ended."""
heartbeat_sent = Hook("heartbeat_sent")
"""sender: the Node."""

# In each of these processes ---------------------------------------------------------------------------

import_modules = Hook("import_modules")
"""sender: the app, whose modules (`imports`, `include`) are imported now. Not in the supervisor."""
setup_logging = Hook("setup_logging")
"""loglevel, logfile, format, colorize. If anything is connected, logging is left to it."""
after_setup_logger = Hook("after_setup_logger")
"""The same, and logger: the root logger, to which lines go now."""
after_setup_task_logger = Hook("after_setup_task_logger")
"""The same, after it; logger: `celery.task`, to which those of Celery's `get_task_logger` belong. It has no
handler of its own here: its lines go to the root logger."""
