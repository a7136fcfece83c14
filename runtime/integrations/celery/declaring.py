"""Declares the queues that a Celery app's worker consumes: bindings, without which what is sent to an
exchange reaches no queue. A queue that is named as its exchange needs none: clients push to it directly."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger("runtime.worker")


def consumed(app: Celery, node: str) -> tuple[str, ...]:
    """Names of the queues that a worker of this app consumes unless it is told which."""
    names = [queue.name for queue in app.amqp.queues.consume_from.values() if not is_broadcast(queue)]
    return (*names, *([f"{node}.dq2"] if app.conf.worker_direct else []))


def is_broadcast(queue: Any) -> bool:
    """Of a fanout exchange: there is no list to take from."""
    return queue.exchange is not None and queue.exchange.type == "fanout"


def declare(app: Celery, names: Iterable[str]) -> None:
    """Those of them that are bound to an exchange. A broker that is away is no error: the children of the
    other workers do the same, and the next child of this one does."""
    bound = [queue for name in names if (queue := _queue(app, name)) is not None and _is_bound(queue)]
    if not bound:
        return
    with app.connection_for_write() as connection:
        try:
            for queue in bound:
                queue(connection.default_channel).declare()
        except (*connection.connection_errors, *connection.channel_errors) as error:
            logger.error("Queues %s are not declared: %s", ", ".join(queue.name for queue in bound), error)


def _queue(app: Celery, name: str) -> Any:
    if name.endswith(".dq2"):
        from celery.utils.nodenames import worker_direct

        return worker_direct(name.removesuffix(".dq2"))
    return app.amqp.queues.get(name)


def _is_bound(queue: Any) -> bool:
    exchange = queue.exchange
    plain = exchange is None or exchange.name in ("", queue.name)
    return not plain or queue.routing_key not in (None, "", queue.name) or exchange.type == "topic"
