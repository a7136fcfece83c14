"""The app of `tests.support.app`; each call of a hook is an effect, `hook <name> <pid> <JSON>`."""

from __future__ import annotations

import json
import os
from typing import Any, NoReturn

from runtime import hooks
from runtime.hooks import Hook
from tests.support.app import app, note

__all__ = ["app"]

SHOWN = (
    "task_id",
    "state",
    "retval",
    "result",
    "terminated",
    "expired",
    "how",
    "sig",
    "name",
    "exception",
    "exc",
)


def tell(sender: Any, signal: Hook, **given: Any) -> None:
    request = given.get("request")
    shown = {name: given[name] for name in SHOWN if name in given}
    shown["sender"] = getattr(sender, "name", sender)
    if "logger" in given:
        shown["logger"] = given["logger"].name
    if request is not None:
        shown["id"] = request.id
    note(f"hook {signal.name} {os.getpid()} {json.dumps(shown, default=str)}")


for each in vars(hooks).values():
    if isinstance(each, Hook) and each is not hooks.setup_logging:
        each.connect(tell)


@hooks.task_success.connect
@hooks.worker_ready.connect
def harm(**given: Any) -> NoReturn:
    raise ValueError("a handler that fails")
