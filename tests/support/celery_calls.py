"""Calls of the tasks of tests.support.celery_project, by a Celery client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

APP = "tests.support.celery_project"


@contextmanager
def connected(url: str) -> Iterator[Celery]:
    """A client that knows no tasks."""
    app = Celery("client", broker=url, backend=url, set_as_current=False)
    yield app
    app.close()
    app.backend.result_consumer.stop()
    # Results that are collected later would unsubscribe, from a server that is gone.
    app.backend.result_consumer.subscribed_to.clear()
    app.backend.client.close()


class Calls:
    """Signatures of the project's tasks."""

    def __init__(self, client: Celery, effects: Path) -> None:
        self.client = client
        self._effects = effects

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self.client.signature(f"{APP}.{name}", args, kwargs)

    def effects(self) -> list[str]:
        return self._effects.read_text().splitlines()
