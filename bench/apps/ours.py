"""This project, late ack."""

from __future__ import annotations

from collections.abc import Iterable

from bench.apps import RESULTS, URL
from bench.marks import mark
from runtime import App

app = App("bench", broker=URL, backend=URL if RESULTS else None)
app.conf.update(task_acks_late=True, task_ignore_result=not RESULTS)
noop = app.task(name="bench.noop")(mark)


def send(index: int) -> None:
    noop.delay(index)


def send_many(indices: Iterable[int]) -> None:
    app.send_many(noop.s(index) for index in indices)


def call(index: int) -> None:
    noop.delay(index).get(timeout=30)


def send_later(indices: Iterable[int], seconds: int) -> None:
    app.send_many(noop.s(index).set(countdown=seconds) for index in indices)
