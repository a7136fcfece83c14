"""What the fork server calls once the app is to be loaded, and what a child then runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

import orjson

from runtime import logs
from runtime.app.load import find_app
from runtime.execution import manifest
from runtime.execution.run import Runner


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """Load the app; `(run, hello)` as `pools.interface.ChildOptions.boot` wants them.

    argument: the JSON object that `runtime.worker.start` makes.
    """
    given = orjson.loads(argument)
    logs.set_up(given["loglevel"], given["log_format"], given["logfile"])
    app = find_app(given["app"])
    app.load()
    app.set_current()
    tells_all = logging.getLogger("runtime.worker").isEnabledFor(logging.INFO)
    return Runner(app, given["node"], tells_all), manifest.describe(app)
