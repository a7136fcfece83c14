"""Waiting for a condition; the only place in the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(condition: Callable[[], Value], timeout: float = 10.0, interval: float = 0.01) -> Value:
    """Call `condition` until what it returns is true; that value.

    Raises AssertionError naming the condition after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout} s: {condition}; last value: {value!r}")
        time.sleep(interval)
    return value
