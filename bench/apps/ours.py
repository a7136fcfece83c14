"""This project, late ack."""

from __future__ import annotations

from collections.abc import Iterable

from bench.apps import RESULTS, URL
from bench.work import arguments, task
from runtime import App

app = App("bench", broker=URL, backend=URL if RESULTS else None)
app.conf.update(task_acks_late=True, task_ignore_result=not RESULTS)
noop = app.task(name="bench.noop")(task())
rest = arguments()


def send(index: int) -> None:
    noop.delay(index, *rest)


def send_many(indices: Iterable[int]) -> None:
    app.send_many(noop.s(index, *rest) for index in indices)


def call(index: int) -> None:
    noop.delay(index, *rest).get(timeout=30)


def send_later(indices: Iterable[int], seconds: int) -> None:
    app.send_many(noop.s(index, *rest).set(countdown=seconds) for index in indices)
