"""A queue of messages that are no tasks: received, handled in order, and settled."""

from __future__ import annotations

import logging
import select
import time
from collections import deque
from collections.abc import Callable, Sequence

from brokers import dead_letter, envelope
from brokers.interface import Consumer, Delivery, Push, Settlement
from brokers.queue import Queue
from runtime.bootsteps.queue_step import Message
from runtime.errors import ContentDisallowed, DecodeError, ImproperlyConfigured
from runtime.protocol import serializers
from runtime.protocol.routing import declaration
from runtime.worker import connection
from runtime.worker.handler import Handled, Handler
from runtime.worker.health.meters import Meters
from runtime.worker.hub import Hub
from runtime.worker.pipeline.fetch import Fetcher
from runtime.worker.pipeline.verdict import is_worn_out
from runtime.worker.plan import Plan

logger = logging.getLogger("runtime.worker")

AT_HAND = 10
"""Messages in our care at a time, at most."""
CLOSE_TIMEOUT = 5.0
"""Seconds that a handler gets to end, and the broker to confirm."""


class Listener:
    """An attendant, with a consumer of its own. The handler's thread touches nothing here."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        queue: Queue,
        consumer: Consumer,
        hub: Hub,
        meters: Meters,
        handle: Callable[[Message], object],
    ) -> None:
        """`consumer`: connected. `name`: of the step, for logs."""
        self._name = name
        self._node = plan.node
        self._max_restores: int = plan.app.conf.task_max_restores
        self._accepted = serializers.accepted_types(plan.app.conf.accept_content)
        self._queue = queue
        self._consumer = consumer
        self._hub = hub
        self._meters = meters
        self._handler = Handler(name, handle)
        self._fetcher = Fetcher(time.monotonic())
        self._fetcher.open()
        self._waiting: deque[Delivery] = deque()
        self._handling: Delivery | None = None
        self._poller = select.epoll()
        for part in (consumer, self._handler):
            self._poller.register(part.fileno(), select.EPOLLIN)
        hub.attach(self)

    def fileno(self) -> int:
        return self._poller.fileno()

    def next_deadline(self) -> float:
        poll = float("inf") if self._waiting or self._handling else self._fetcher.next_poll()
        return min(self._consumer.next_deadline(), poll)

    def attend(self, now: float) -> Sequence[Settlement]:
        """All that has come and been done. Nothing is for the worker's own consumer to settle."""
        self._receive(now)
        handled = self._handler.handled()
        if handled is not None:
            self._settle(handled)
        self._handle_next()
        is_free = not self._waiting and self._handling is None
        # Without a take it is told (`awake`) when something comes: a handler gains nothing by `expect`.
        if is_free and self._fetcher.is_due(now) and self._fetcher.asks(AT_HAND, now):
            self._consumer.take(AT_HAND)
        return ()

    def close(self) -> None:
        """See `runtime.bootsteps.queue_step.Listener`."""
        self._hub.detach(self)
        handled = self._handler.wait(CLOSE_TIMEOUT) if self._handling is not None else None
        if handled is not None:
            self._settle(handled)
        elif self._handling is not None:
            logger.error("%s: a handler is cut short; its message is given out again", self._name)
            self._waiting.appendleft(self._handling)
        self._consumer.settle([_given_back(delivery) for delivery in reversed(self._waiting)])
        if self._consumer.close(CLOSE_TIMEOUT):
            logger.error("%s: not all ends are confirmed: messages may be given out again", self._name)
        self._poller.close()

    def _receive(self, now: float) -> None:
        received = self._consumer.receive(now)
        if received.problem is not None:
            logger.error("%s: broker: %s; reconnecting", self._name, received.problem)
        if received.evicted:  # others have them; the end of the one that is being handled will do nothing
            self._waiting.clear()
        if received.taken:
            self._fetcher.answered(received.more, now)
        if received.connected:
            self._consumer.bind((self._queue,))
        if received.awake or received.connected:
            self._fetcher.alarm()
        self._waiting += received.deliveries

    def _handle_next(self) -> None:
        """Not by the turn's time: we may have stood still since."""
        while self._waiting and self._handling is None and self._consumer.leased(time.monotonic()):
            delivery = self._waiting.popleft()
            try:
                message = self._read(delivery)
            except (envelope.MalformedMessage, ContentDisallowed, DecodeError) as error:
                self._bury(delivery, str(error))
                continue
            self._handling = delivery
            self._handler.give(delivery.tag, message)

    def _read(self, delivery: Delivery) -> Message:
        """Raises MalformedMessage, ContentDisallowed or DecodeError."""
        parsed = envelope.parse(delivery.message)
        if is_worn_out(envelope.restores(parsed.properties), self._max_restores):
            raise envelope.MalformedMessage(f"it was with more than {self._max_restores} workers that died")
        body = serializers.decode(parsed.content(), parsed.content_type, self._accepted)
        return Message(body, parsed.headers, parsed.properties)

    def _settle(self, handled: Handled) -> None:
        delivery, self._handling = self._handling, None
        assert delivery is not None, "one is handled at a time"
        if handled.error is None:
            self._consumer.settle([Settlement(delivery.tag)])
        else:
            self._bury(delivery, f"{self._name} failed: {handled.error!r}", handled.traceback)

    def _bury(self, delivery: Delivery, reason: str, traceback: str | None = None) -> None:
        logger.error("%s: a message is dead-lettered: %s\n%s", self._name, reason, traceback or "")
        entry = dead_letter.encode(
            delivery.message, time.time(), reason=reason, node=self._node, traceback=traceback
        )
        buried = [Settlement(delivery.tag, dead=(delivery.queue, entry))]
        self._consumer.settle(buried)
        self._meters.settled(buried)


def _given_back(delivery: Delivery) -> Settlement:
    """To the head of its queue, as it came."""
    try:
        priority = envelope.parse(delivery.message).priority
    except envelope.MalformedMessage:
        priority = 0
    return Settlement(delivery.tag, pushes=(Push(delivery.queue, delivery.message, priority, head=True),))


class Listeners:
    """Opens them for steps of users (`runtime.bootsteps.queue_step.QueueStep`)."""

    def __init__(self, plan: Plan, hub: Hub, meters: Meters) -> None:
        self._plan = plan
        self._hub = hub
        self._meters = meters

    def open(self, step: str, queue: str, handle: Callable[[Message], object]) -> Listener:
        """Raises BrokerError, or ImproperlyConfigured for a queue of tasks."""
        if queue in self._plan.queues:
            raise ImproperlyConfigured(f"step {step}: this worker takes tasks from its queue {queue!r}")
        declared = declaration(self._plan.app.conf, queue)
        consumer = connection.consumer_of(self._plan, (queue,), f"{self._plan.node}/{step}")
        consumer.connect(self._plan.connect_timeout)
        return Listener(step, self._plan, declared, consumer, self._hub, self._meters, handle)
