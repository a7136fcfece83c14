"""An app to try things with: no configuration, so its broker is a private server of its own.

runtime -A examples.tasks start
runtime -A examples.tasks call examples.tasks.add 2 8
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from runtime import App

if TYPE_CHECKING:
    from runtime.app.task import Task

app = App("examples")


@app.task
def add(x: float, y: float) -> float:
    return x + y


@app.task
def mul(x: float, y: float) -> float:
    return x * y


@app.task(acks_late=True)
def slow(seconds: float) -> str:
    """Late ack: should its worker die meanwhile, it runs again elsewhere."""
    time.sleep(seconds)
    return f"slept for {seconds} s"


@app.task(bind=True, max_retries=5)
def flaky(self: Task, chance: float = 0.5) -> int:
    """Fails with this chance, and tries again a second later; how many tries it took."""
    if random.random() < chance:
        raise self.retry(countdown=1, exc=ConnectionError("bad luck"))
    return int(self.request.retries) + 1


@app.task(soft_time_limit=2, time_limit=4)
def bounded(seconds: float) -> float:
    """Gets SoftTimeLimitExceeded after 2 s; is killed after 4 s if it goes on."""
    time.sleep(seconds)
    return seconds


@app.task(ignore_result=True)
def noop() -> None:
    """What the benchmarks send."""
