"""Assembles a worker from an app and its options, runs it, and takes it apart again."""

from __future__ import annotations

import logging
import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokers.dead_letter import Retention
from brokers.interface import Binding, BrokerRefused, BrokerUnavailable, Consumer, Mailbox
from brokers.registry import open_consumer, open_mailbox, open_publisher
from pools.interface import ChildOptions, Pool
from pools.registry import open_pool
from runtime import logs
from runtime.errors import ImproperlyConfigured
from runtime.protocol.bounds import check_limits
from runtime.remote import command
from runtime.worker import banner, lifecycle
from runtime.worker.autoscale import Autoscaler
from runtime.worker.child import boot_argument
from runtime.worker.exitcodes import ExitCode
from runtime.worker.health.condition import Condition
from runtime.worker.health.health import Health
from runtime.worker.lifecycle import State
from runtime.worker.options import WorkerOptions
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.signals import SignalInbox
from runtime.worker.size import Size, size
from runtime.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from runtime.app.app import App

logger = logging.getLogger("runtime.worker")

CLOSE_TIMEOUT = 5.0
"""Seconds to give back what is held when the worker leaves."""
RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts at the start; the last one repeats."""
LEAVE_TIMEOUT = 0.5
"""Seconds to say what remote control still has to."""
STOP_TIMEOUT = 2.0
"""Seconds that idle children get to leave."""
SOLO_LEASE = 3600.0
"""Seconds. A solo worker does not renew its lease while a task runs, and somebody may be looking into that
task. As long as Celery's visibility timeout: no more is lost by it, and a worker started again on the same
host knows at once that this one is dead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Options over settings: what this worker will be."""

    options: WorkerOptions
    size: Size
    queues: tuple[str, ...]
    multiplier: int | None
    time_limit: float | None
    soft_time_limit: float | None
    grace: float | None
    connect_timeout: float
    """Seconds for one attempt to reach the broker."""
    patience: float
    """Seconds that the broker may be away; inf: for ever."""
    max_unsettled: int


def plan(app: App, options: WorkerOptions) -> Plan:
    """Raises ImproperlyConfigured."""
    conf = app.conf
    sized = size(options, conf)
    multiplier = options.prefetch_multiplier
    if multiplier is None:
        # What a solo worker holds while a task runs, or waits in a debugger, nobody else can have.
        multiplier = 1 if sized.kind == "solo" else conf.worker_prefetch_multiplier
    time_limit = options.time_limit or conf.task_time_limit
    soft_time_limit = options.soft_time_limit or conf.task_soft_time_limit
    try:
        check_limits(soft_time_limit, time_limit)
        _check_lease(conf.worker_lease, conf.worker_lease_renewal)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
    return Plan(
        options=options,
        size=sized,
        queues=options.queues or (conf.task_default_queue,),
        multiplier=None if multiplier == "auto" else int(multiplier),
        time_limit=time_limit,
        soft_time_limit=soft_time_limit,
        grace=conf.worker_shutdown_grace if options.grace is None else options.grace,
        connect_timeout=conf.broker_connection_timeout,
        patience=conf.broker_connection_timeout_total or float("inf"),
        max_unsettled=conf.worker_max_unsettled,
    )


def _check_lease(lease: float, renewal: float | None) -> None:
    if lease <= 0:
        raise ValueError(f"worker_lease must be longer than 0 s; it is {lease:g} s")
    if renewal is not None and not 0 < renewal < lease:
        raise ValueError(
            f"worker_lease_renewal must be between 0 and worker_lease, {lease:g} s; it is {renewal:g} s"
        )


def run_worker(app: App, options: WorkerOptions) -> int:
    """Run until told to stop; the exit code. Raises ImproperlyConfigured before anything started."""
    planned = plan(app, options)
    logs.set_up(options.loglevel, options.log_format, options.logfile)
    inbox = SignalInbox()
    pool = _open_pool(app, planned)
    if planned.size.kind == "solo":
        from pools.solo import CAVEATS

        logger.warning("Pool solo: %s", CAVEATS)
    health = Health(options.http or app.conf.worker_http, os.environ)  # before children copy the environment
    pool.start()
    try:
        broker = _open_broker(app, planned)
        refused = _connect(broker, inbox, health, planned)
        if refused is not None:
            return refused
        if options.banner:
            banner.show(app, planned)
        mailbox = _open_mailbox(app, options.node)
        code = _supervise(app, planned, broker, mailbox, pool, inbox, health)
        _close(broker)
        if mailbox is not None:
            mailbox.close(timeout=LEAVE_TIMEOUT)
        return code
    finally:
        inbox.close()
        pool.stop(timeout=STOP_TIMEOUT)
        health.close()


def _supervise(
    app: App,
    planned: Plan,
    broker: Consumer,
    mailbox: Mailbox | None,
    pool: Pool,
    inbox: SignalInbox,
    health: Health,
) -> ExitCode:
    pace = Pace(time.monotonic())
    return Supervisor(
        app,
        planned,
        broker,
        mailbox,
        pool,
        inbox,
        health,
        Dispatcher(pool, pace, planned.time_limit, planned.soft_time_limit),
        pace,
        Settler(app, planned.options.node),
        Autoscaler(pool, planned.size.bounds),
    ).run()


def _close(broker: Consumer) -> None:
    unconfirmed = broker.close(timeout=CLOSE_TIMEOUT)
    if unconfirmed:
        logger.error(
            "The broker has not confirmed %d ends; unless it has got them all the same, these messages are "
            "given out again when our lease has ended, and these results are missing: %s",
            len(unconfirmed),
            ", ".join(unconfirmed),
        )


def _open_pool(app: App, planned: Plan) -> Pool:
    options, conf = planned.options, app.conf
    children = ChildOptions(
        boot="runtime.worker.child:boot",
        boot_argument=boot_argument(options),
        max_tasks=options.max_tasks_per_child or conf.worker_max_tasks_per_child,
        max_memory=options.max_memory_per_child or conf.worker_max_memory_per_child,
        max_lifetime=options.max_lifetime_per_child or conf.worker_max_lifetime_per_child,
        boot_timeout=conf.worker_proc_alive_timeout,
    )
    try:
        return open_pool(planned.size.kind, planned.size.slots, children, planned.size.processes)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error


def _open_broker(app: App, planned: Plan) -> Consumer:
    conf = app.conf
    if planned.options.purge:
        publisher = open_publisher(conf.broker_url, conf.broker_transport_options)
        for queue in planned.queues:
            logger.info("Purged %d messages from %s", publisher.purge(queue), queue)
        publisher.close()
    return open_consumer(
        conf.broker_url,
        conf.broker_transport_options,
        queues=planned.queues,
        node=planned.options.node,
        results_url=conf.result_backend,
        results_options=conf.result_backend_transport_options,
        lease=max(conf.worker_lease, SOLO_LEASE if planned.size.kind == "solo" else 0.0),
        renewal=conf.worker_lease_renewal,
        retention=Retention(conf.worker_dead_letters_max, conf.worker_dead_letters_expires),
    )


def _open_mailbox(app: App, node: str) -> Mailbox | None:
    conf = app.conf
    if not conf.worker_enable_remote_control:
        return None
    exchange = command.exchange(conf.control_exchange)
    mine = Binding(exchange, "", f"{node}.{exchange}")
    return open_mailbox(conf.broker_url, conf.broker_transport_options, bindings=[mine])


def _connect(broker: Consumer, inbox: SignalInbox, health: Health, planned: Plan) -> ExitCode | None:
    """Try until the broker answers (None), refuses, or a signal ends the wait."""
    attempt = 0
    give_up_at = time.monotonic() + planned.patience
    while True:
        try:
            broker.connect(planned.connect_timeout)
            return None
        except BrokerRefused as error:
            logger.critical("Broker refuses: %s", error)
            return ExitCode.BROKER_REFUSED
        except BrokerUnavailable as error:
            delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
            attempt += 1
            if time.monotonic() >= give_up_at:
                logger.critical("Broker: %s; given up after %d attempts", error, attempt)
                return ExitCode.BROKER_GONE
            logger.error("Broker: %s; attempt %d, trying again in %.1fs", error, attempt, delay)
        if _stopped_within(delay, inbox, health):
            return ExitCode.OK


def _stopped_within(seconds: float, inbox: SignalInbox, health: Health) -> bool:
    """Whether a signal ended the wait; meanwhile whoever asks is told that we are not ready."""
    end = time.monotonic() + seconds
    readable: list[int] = []
    while inbox.fileno() not in readable and (now := time.monotonic()) < end:
        health.attend(now, Condition())
        deadline = min(end, health.next_deadline())
        readable, _, _ = select.select([inbox.fileno(), health.fileno()], [], [], max(0.0, deadline - now))
    return any(lifecycle.after_signal(State.RUNNING, number) >= State.DRAINING for number in inbox.read())
