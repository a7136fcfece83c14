"""This project. A task is killed any number of times here, and is no poison for that. One kind of task stores
its results: the ends of both kinds go different ways."""

from __future__ import annotations

from runtime import App
from tools.havoc.apps import ASYNC_TASK, LEASE, TASK, TRANSPORT, URL, async_work, work

app = App("havoc", broker=URL)
app.conf.update(
    result_backend=URL,
    result_expires=3600,
    task_acks_late=True,
    task_max_deliveries=0,
    task_max_restores=0,
    worker_lease=LEASE,
    broker_transport_options=TRANSPORT,
)
app.task(name=TASK, ignore_result=True)(work)
app.task(name=ASYNC_TASK)(async_work)
