"""Celery, set so as to lose as little as it can: late ack, redelivery when a child dies."""

from __future__ import annotations

from celery import Celery

from tools.havoc.apps import TASK, TRANSPORT, URL, work

app = Celery("havoc", broker=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options=TRANSPORT,
)
app.task(name=TASK)(work)
