"""Celery, late ack."""

from __future__ import annotations

from collections.abc import Iterable

from celery import Celery

from bench.apps import RESULTS, URL
from bench.work import arguments, task

app = Celery("bench", broker=URL, backend=URL if RESULTS else None)
app.conf.update(task_acks_late=True, task_ignore_result=not RESULTS)
noop = app.task(name="bench.noop")(task())
rest = arguments()


def send(index: int) -> None:
    noop.delay(index, *rest)


def call(index: int) -> None:
    noop.delay(index, *rest).get(timeout=30)


def send_later(indices: Iterable[int], seconds: int) -> None:
    for index in indices:
        noop.apply_async((index, *rest), countdown=seconds)
