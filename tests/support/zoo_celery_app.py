"""The app of `tests.support.celery_app`, with the queues of `tests.support.zoo`."""

from __future__ import annotations

from tests.support.celery_app import app
from tests.support.zoo import QUEUES

__all__ = ["app"]

app.conf.task_queues = QUEUES
