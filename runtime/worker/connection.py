"""The broker as this worker has it: reached for the first time, and left."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from brokers.dead_letter import Retention
from brokers.interface import BrokerRefused, BrokerUnavailable, Consumer
from brokers.queue import Queue
from brokers.registry import open_consumer, open_publisher
from runtime.counted import counted
from runtime.worker import lifecycle
from runtime.worker.exitcodes import ExitCode, Leave
from runtime.worker.hub import Hub
from runtime.worker.ledger import Ledger
from runtime.worker.lifecycle import State
from runtime.worker.plan import Plan
from runtime.worker.signals import SignalInbox

logger = logging.getLogger("runtime.worker")

CLOSE_TIMEOUT = 5.0
"""Seconds to give back what is held when the worker leaves."""
RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts at the start; the last one repeats."""
SOLO_LEASE = 3600.0
"""Seconds. A solo worker does not renew its lease while a task runs, and somebody may be looking into that
task. As long as Celery's visibility timeout: no more is lost by it, and a worker started again on the same
host knows at once that this one is dead."""


def open_broker(plan: Plan) -> Consumer:
    """Not connected yet."""
    conf = plan.app.conf
    if plan.options.purge:
        publisher = open_publisher(conf.broker_url, conf.broker_transport_options)
        for queue in plan.queues:
            logger.info("Purged %s from %s", counted(publisher.purge(queue), "message"), queue)
        publisher.close()
    return consumer_of(plan, plan.consumed, plan.node)


def consumer_of(plan: Plan, queues: Sequence[Queue], node: str) -> Consumer:
    """Of these queues, under this name, not connected yet."""
    conf = plan.app.conf
    consumer = open_consumer(
        conf.broker_url,
        conf.broker_transport_options,
        queues=[queue.name for queue in queues],
        node=node,
        results_url=conf.result_backend,
        results_options=conf.result_backend_transport_options,
        lease=max(conf.worker_lease, SOLO_LEASE if plan.size.kind == "solo" else 0.0),
        renewal=conf.worker_lease_renewal,
        retention=Retention(conf.worker_dead_letters_max, conf.worker_dead_letters_expires),
    )
    consumer.bind(queues)
    return consumer


def connect(broker: Consumer, plan: Plan, hub: Hub, inbox: SignalInbox) -> None:
    """Try until the broker answers. Raises Leave when it refuses, is given up, or a signal ends the wait."""
    attempt = 0
    give_up_at = time.monotonic() + plan.patience
    while True:
        try:
            broker.connect(plan.connect_timeout)
            return
        except BrokerRefused as error:
            logger.critical("Broker refuses: %s", error)
            raise Leave(ExitCode.BROKER_REFUSED) from error
        except BrokerUnavailable as error:
            delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
            attempt += 1
            if time.monotonic() >= give_up_at:
                logger.critical("Broker: %s; given up after %d attempts", error, attempt)
                raise Leave(ExitCode.BROKER_GONE) from error
            logger.error("Broker: %s; attempt %d, trying again in %.1fs", error, attempt, delay)
        if _stopped_within(delay, hub, inbox):
            raise Leave(ExitCode.OK)


def _stopped_within(seconds: float, hub: Hub, inbox: SignalInbox) -> bool:
    """Whether a signal ended the wait; meanwhile whoever asks is told that we are not ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        readable = hub.wait(end)
        hub.attend(readable, time.monotonic())
        if inbox.fileno() in readable:
            break
    return any(lifecycle.after_signal(State.RUNNING, number) >= State.DRAINING for number in inbox.read())


def close(broker: Consumer, ledger: Ledger) -> None:
    """Leave. If the loop has broken with messages in our care, they come back when our lease has ended: only
    then is it certain that nobody works on them."""
    if len(ledger):
        held = counted(len(ledger), "message")
        logger.error("In our care: %s, given out again when our lease ends", held)
        return
    unconfirmed = broker.close(timeout=CLOSE_TIMEOUT)
    if unconfirmed:
        logger.error(
            "The broker has not confirmed %d ends; unless it has got them all the same, these messages are "
            "given out again when our lease has ended, and these results are missing: %s",
            len(unconfirmed),
            ", ".join(unconfirmed),
        )
