"""What the fork server calls once the app is to be loaded, and what a child then runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from runtime import logs
from runtime.app.load import find_app
from runtime.execution import manifest
from runtime.execution.run import Runner

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
    logs.set_up(given["loglevel"], given["log_format"], given["logfile"])
    app = find_app(given["app"])
    app.load()
    app.set_current()
    return app


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """Load the app; `(run, hello)` as `pools.interface.ChildOptions.boot` wants them."""
    app = loaded(argument)
    tells_all = logging.getLogger("runtime.worker").isEnabledFor(logging.INFO)
    return Runner(app, orjson.loads(argument)["node"], tells_all), manifest.describe(app)
