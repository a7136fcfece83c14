"""An unmodified Celery app with the tasks of `tests.support.app` by name: the client of our worker,
and, run by `celery worker`, the worker of our client. URL from CELERY_URL."""

from __future__ import annotations

import os
import time
from typing import NoReturn

from celery import Celery, Task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from celery.worker.control import inspect_command

from tests.support import canvas_tasks

URL = os.environ.get("CELERY_URL", "redis+socket:///nowhere")

app = Celery("tests.support.celery_app", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = True
app.conf.accept_content = ["json", "msgpack", "yaml"]
if "CELERY_VISIBILITY_TIMEOUT" in os.environ:
    # It looks for abandoned messages every 10 x 10 s, unless told to hurry.
    app.conf.broker_transport_options = {
        "visibility_timeout": int(os.environ["CELERY_VISIBILITY_TIMEOUT"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


class Custom(Exception):
    pass


@app.task(name="tests.support.app.add")
def add(x: float, y: float) -> float:
    return x + y


@app.task(name="tests.support.app.fail")
def fail(text: str) -> NoReturn:
    raise ValueError(text, 7)


@app.task(name="tests.support.app.fail_custom")
def fail_custom() -> NoReturn:
    raise Custom("own", {"a": 1})


@app.task(name="tests.support.app.mark", acks_late=True)
def mark(name: str, seconds: float = 0.0) -> str:
    """As the one of `tests.support.app`."""
    for line in (f"start {name} {os.getpid()}", f"end {name}"):
        with open(os.environ["EFFECTS"], "a") as file:
            file.write(f"{line}\n")
        if line.startswith("start"):
            time.sleep(seconds)
    return name


@app.task(name="tests.support.app.tidy")
def tidy(name: str) -> str:
    """As the one of `tests.support.app`."""
    try:
        while True:
            time.sleep(0.01)
    except SoftTimeLimitExceeded:
        return name


@app.task(name="tests.support.app.rejected", acks_late=True)
def rejected() -> NoReturn:
    raise Reject("no", requeue=False)


@app.task(name="tests.support.app.always_retry", bind=True, max_retries=1, default_retry_delay=0)
def always_retry(self: Task) -> NoReturn:
    raise self.retry(countdown=0.5)  # at once, its events would come before those of the first try


@inspect_command(args=[("number", int)])
def twice(state: object, number: int = 1) -> int:
    return 2 * number


canvas_tasks.register(app)
