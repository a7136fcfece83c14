"""The app of `tests.support.app`, with custom commands."""

from __future__ import annotations

import os
import signal
import sys
import time

from runtime import control_command, inspect_command
from runtime.remote.custom import State
from tests.support.app import Custom, app

__all__ = ["app"]


@inspect_command(alias="old_double", args=[("number", int)])
def double(state: State, number: int = 1) -> dict[str, object]:
    return {"doubled": 2 * number, "app": state.app.main, "node": state.hostname, "pid": os.getpid()}


@control_command(variadic="words", signature="[WORD]…", help="as in Celery, whose command line shows them")
def misbehave(state: State, words: list[str]) -> object:
    match words:
        case ["raise"]:
            raise Custom("own", {"a": 1})
        case ["leave"]:
            sys.exit(3)
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["no JSON"]:
            return object()
        case ["sleep"]:
            time.sleep(2)
    return " ".join(words)
