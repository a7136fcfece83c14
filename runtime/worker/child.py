"""What the fork server calls once the app is to be loaded, and what a child then runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from pools.interface import BootRefused
from runtime import hooks, logs
from runtime.app.load import find_app
from runtime.errors import AppNotFound, ImproperlyConfigured
from runtime.execution import manifest
from runtime.execution.run import Runner
from runtime.results import waiting
from runtime.worker import standard_streams

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.worker.options import WorkerOptions


def boot_argument(options: WorkerOptions, kind: str, slots: int) -> bytes:
    """What `boot` is to be called with. kind, slots: of the pool."""
    names = ("app", "node", "queues", "loglevel", "log_format", "logfile")
    return orjson.dumps({"kind": kind, "slots": slots, **{name: getattr(options, name) for name in names}})


def loaded(argument: bytes) -> App:
    """The app, with all its modules; it is the current one of this process."""
    given = orjson.loads(argument)
    standard_streams.print_lines()
    logs.set_up(given["loglevel"], given["log_format"], given["logfile"])
    app = find_app(given["app"])
    app.load()
    app.set_current()
    logs.hand_over(given["loglevel"], given["log_format"], given["logfile"])
    return app


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """Load the app; `(run, hello)` as `pools.interface.ChildOptions.boot` wants them."""
    try:
        app = loaded(argument)
    except AppNotFound:  # what importing it raised, though the supervisor could: that may pass
        raise
    except ImproperlyConfigured as error:
        raise BootRefused(str(error)) from None
    tells_all = logging.getLogger("runtime.worker").isEnabledFor(logging.INFO)
    given = orjson.loads(argument)
    node = given["node"]
    _Process.node = hooks.Node(app, node)
    if given["kind"] != "gevent":  # as in Celery: a greenlet that waits costs little, and there are many
        waiting.runs_tasks()
    return Runner(app, node, tells_all), manifest.describe(app)


class _Process:
    """This child, or the fork server from which it is made."""

    node: hooks.Node


def precede() -> None:
    """In the fork server, before each child."""
    hooks.worker_before_create_process.send(_Process.node)


def begin() -> None:
    """In each child, before its first job."""
    hooks.worker_process_init.send(_Process.node)
    if hooks.worker_process_shutdown.handlers:
        from billiard.util import Finalize

        Finalize(None, _end, exitpriority=1)


def _end() -> None:
    """It leaves by itself."""
    hooks.worker_process_shutdown.send(_Process.node, pid=os.getpid(), exitcode=0)
