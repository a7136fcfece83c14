"""The broker as this worker has it: reached for the first time, and left."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from math import inf
from threading import Thread

from brokers.dead_letter import Retention
from brokers.interface import BrokerError, BrokerRefused, Consumer, Settlement
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
    return consumer_of(plan, plan.queues, plan.node)


def consumer_of(plan: Plan, queues: Sequence[str], node: str) -> Consumer:
    """Of these queues, under this name, not connected yet."""
    conf = plan.app.conf
    return open_consumer(
        conf.broker_url,
        conf.broker_transport_options,
        queues=queues,
        node=node,
        results_url=conf.result_backend,
        results_options=conf.result_backend_transport_options,
        lease=max(conf.worker_lease, SOLO_LEASE if plan.size.kind == "solo" else 0.0),
        renewal=conf.worker_lease_renewal,
        retention=Retention(conf.worker_dead_letters_max, conf.worker_dead_letters_expires),
    )


def connect(broker: Consumer, plan: Plan, hub: Hub, inbox: SignalInbox) -> None:
    """Try until the broker answers. Raises Leave when it refuses, is given up, or a signal ends the wait."""
    attempt = 0
    give_up_at = time.monotonic() + plan.patience
    while True:
        error = _tried(broker, plan.connect_timeout, hub, inbox)
        if error is None:
            return
        if isinstance(error, BrokerRefused):
            logger.critical("Broker refuses: %s", error)
            raise Leave(ExitCode.BROKER_REFUSED) from error
        delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
        attempt += 1
        if time.monotonic() >= give_up_at:
            logger.critical("Broker: %s; given up after %d attempts", error, attempt)
            raise Leave(ExitCode.BROKER_GONE) from error
        logger.error("Broker: %s; attempt %d, trying again in %.1fs", error, attempt, delay)
        _wait(hub, inbox, time.monotonic() + delay, lambda: False)


def _tried(broker: Consumer, timeout: float, hub: Hub, inbox: SignalInbox) -> BrokerError | None:
    """Why there is no connection. Raises Leave."""
    attempt = _Attempt(broker, timeout)
    hub.attach(attempt)
    _wait(hub, inbox, inf, attempt.is_over)
    hub.detach(attempt)
    return attempt.outcome()


def _wait(hub: Hub, inbox: SignalInbox, end: float, is_over: Callable[[], bool]) -> None:
    """Meanwhile whoever asks is told that we are not ready. Raises Leave when a signal tells us to stop."""
    while time.monotonic() < end and not is_over():
        readable = hub.wait(end)
        hub.attend(readable, time.monotonic())
        if inbox.fileno() not in readable:
            continue
        if any(lifecycle.after_signal(State.RUNNING, number) >= State.DRAINING for number in inbox.read()):
            raise Leave(ExitCode.OK)


class _Attempt:
    """One try to connect, in a thread; an attendant, so that the hub sees when it is over. Until then nobody
    else touches the broker: not either, if a signal ends the process meanwhile."""

    def __init__(self, broker: Consumer, timeout: float) -> None:
        self._broker = broker
        self._timeout = timeout
        self._error: Exception | None = None
        self._end = os.eventfd(0)
        self._thread = Thread(target=self._run, name="runtime-connect", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._end

    def next_deadline(self) -> float:
        return inf

    def attend(self, now: float) -> Sequence[Settlement]:
        return ()

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def outcome(self) -> BrokerError | None:
        """Once it is over: why there is no connection."""
        os.close(self._end)
        if self._error is None or isinstance(self._error, BrokerError):
            return self._error
        raise self._error

    def _run(self) -> None:
        try:
            self._broker.connect(self._timeout)
        except Exception as error:  # noqa: BLE001  (raised again by who waits)
            self._error = error
        os.eventfd_write(self._end, 1)


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
