"""An unmodified Celery app with the tasks of `tests.support.app` by name: the client of our worker,
and, run by `celery worker`, the worker of our client. URL from CELERY_URL."""

from __future__ import annotations

import os
from typing import NoReturn

from celery import Celery

URL = os.environ.get("CELERY_URL", "redis+socket:///nowhere")

app = Celery("tests.support.celery_app", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = True


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
