"""What runs in the process for custom commands (`runtime.remote.custom`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from runtime.protocol import json_dialect
from runtime.remote import custom
from runtime.remote.custom import State
from runtime.worker import child

logger = logging.getLogger("runtime.worker")

Functions = Mapping[str, Callable[..., Any]]


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """As `pools.interface.ChildOptions.boot` wants it."""
    app = child.loaded(argument)
    functions = {name: command.function for name, command in custom.registered().items()}
    return runner(functions, State(app, orjson.loads(argument)["node"])), b""


def runner(functions: Functions, state: State) -> Callable[[memoryview], bytes]:
    """What runs a command: name and arguments as JSON, to the JSON of the answer."""
    return lambda payload: _run(functions, state, payload)


def _run(functions: Functions, state: State, payload: memoryview) -> bytes:
    name, arguments = json_dialect.loads(bytes(payload))
    try:
        return json_dialect.dumps(functions[name](state, **arguments))
    except (Exception, SystemExit) as error:  # user code: whatever it does, somebody waits for an answer
        logger.exception("Remote control: %s failed", name)
        return json_dialect.dumps({"error": _printed(error)})


def _printed(error: BaseException) -> Any:
    """Not every exception can be."""
    try:
        text = repr(error)
        text.encode()
    except (Exception, SystemExit):  # noqa: BLE001  (user code)
        return type(error).__name__
    return text
