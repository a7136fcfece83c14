"""A Celery app with the tasks of `tests.support.task_kinds`. URL from CELERY_URL."""

from __future__ import annotations

import os

from celery import Celery, Task, exceptions

from tests.support import task_kinds

URL = os.environ["CELERY_URL"]

app = Celery("kinds", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = True
task_kinds.register(app, Task, exceptions)
