"""Ends a process at a named point: with this directory in PYTHONPATH, in every Python process of a worker.

STOP_AT is `module:Class.method when number`, such as `brokers.redis.consumer:RedisConsumer.take after 3`:
the process that makes this call for the third time kills itself right after it.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import signal
from typing import Any


def stop_at(place: str, when: str, number: str) -> None:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    function = getattr(owner, name)
    calls = itertools.count(1)

    @functools.wraps(function)
    def stopping(*args: Any, **kwargs: Any) -> Any:
        call = next(calls)
        if when == "before" and call == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if when == "after" and call == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, stopping)


if "STOP_AT" in os.environ:
    stop_at(*os.environ["STOP_AT"].split())
