"""Puts messages into the queues of one app's broker, and tells who wants to know that they are sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from brokers import envelope
from brokers.interface import BrokerError
from runtime import hooks
from runtime.protocol import routing, task_message
from runtime.remote.clock import Clock
from runtime.settings import Settings

if TYPE_CHECKING:
    from brokers.interface import Publisher, Push, RetryPolicy

logger = logging.getLogger("runtime.client")


class Outbox:
    """Connects on first use, with the settings of that time. Safe for threads and after a fork."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf
        self._declared: set[str] = set()
        """Queues that have been bound."""
        self._clock = Clock()
        """Of the events that it sends."""

    def publish(self, pushes: Sequence[Push], policy: RetryPolicy) -> None:
        """Raises BrokerError."""
        publisher = self._publisher
        for push in pushes:
            if push.queue not in self._declared:
                publisher.declare(routing.declaration(self._conf, push.queue), policy)
                self._declared.add(push.queue)
        publisher.publish(pushes, policy)
        if self._conf.task_send_sent_event:
            self._tell(publisher, pushes)
        if hooks.after_task_publish.handlers:
            for push in pushes:
                _call_hook(push)

    def bound(self, exchange: str, routing_key: str, policy: RetryPolicy) -> Sequence[str]:
        """The queues that anybody has bound to this exchange with this key. Raises BrokerError; ValueError
        for none: nobody would get the message."""
        found = routing.bound(self._publisher.bound(exchange, policy), exchange, routing_key)
        if not found:
            raise ValueError(f"no queue is bound to exchange {exchange!r} with routing key {routing_key!r}")
        return found

    def close(self) -> None:
        self._declared.clear()
        publisher = self.__dict__.pop("_publisher", None)
        if publisher is not None:
            publisher.close()

    def _tell(self, publisher: Publisher, pushes: Sequence[Push]) -> None:
        """That they are sent, to those who listen to events."""
        from runtime.events import sent
        from runtime.events.event import Origin, client_name

        origin, exchange = Origin(client_name(), self._clock), self._conf.event_exchange
        events = [sent.write(origin, exchange, push) for push in pushes]
        try:
            publisher.broadcast(exchange, sent.ROUTING_KEY, events)
        except BrokerError as error:  # raised, it would say that the tasks are not sent either
            logger.warning("%d task-sent events are lost: %s", len(events), error)

    @cached_property
    def _publisher(self) -> Publisher:
        from brokers.registry import open_publisher

        return open_publisher(self._conf.broker_url, self._conf.broker_transport_options)


def _call_hook(push: Push) -> None:
    """The hooks: it is sent."""
    enveloped = envelope.parse(push.message)
    body = task_message.read_body(enveloped, frozenset({enveloped.content_type}))
    headers: Mapping[str, Any] = enveloped.headers
    hooks.after_task_publish.send(
        headers["task"], body=tuple(body), headers=headers, exchange="", routing_key=push.queue
    )
