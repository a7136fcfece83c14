"""What a worker will be: its options over the app's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from brokers.queue import Queue
from runtime.errors import ImproperlyConfigured
from runtime.near import did_you_mean
from runtime.protocol import serializers
from runtime.protocol.bounds import check_limits
from runtime.protocol.routing import check_declared, declaration, of_app
from runtime.settings import Settings
from runtime.worker.node import expand_file
from runtime.worker.options import WorkerOptions
from runtime.worker.size import Size, size

if TYPE_CHECKING:
    from runtime.app.app import App


SLIP = 0.85
"""How much two names of queues are alike if one is a slip of the pen; `q_low` and `q_high` are less so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Options over settings: what this worker will be."""

    app: App
    options: WorkerOptions
    size: Size
    consumed: tuple[Queue, ...]
    multiplier: int | None
    time_limit: float | None
    soft_time_limit: float | None
    grace: float | None
    connect_timeout: float
    """Seconds for one attempt to reach the broker."""
    patience: float
    """Seconds that the broker may be away; inf: for ever."""
    max_unsettled: int
    """Settlements that may wait for the broker; at that bound no task is started."""
    task_events: bool
    """Events of tasks are sent from the start on."""
    heartbeat_interval: float
    """Seconds."""
    statedb: str | None
    """The file that remembers what is revoked."""
    agent: Callable[[App], Any] | None
    """What makes the agent (`steps.agent`)."""

    @property
    def node(self) -> str:
        """This worker's node name."""
        return self.options.node

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of those that are consumed, at the start."""
        return tuple(queue.name for queue in self.consumed)


def plan(app: App, options: WorkerOptions) -> Plan:
    """Raises ImproperlyConfigured."""
    conf = app.conf
    sized = size(options, conf)
    multiplier = options.prefetch_multiplier
    if multiplier is None:
        # What a solo worker holds while a task runs, or waits in a debugger, nobody else can have.
        multiplier = 1 if sized.kind == "solo" else conf.worker_prefetch_multiplier
    statedb = options.statedb or conf.worker_state_db
    time_limit = options.time_limit or conf.task_time_limit or None
    soft_time_limit = options.soft_time_limit or conf.task_soft_time_limit or None
    try:
        check_limits(soft_time_limit, time_limit)
        for serializer in (*conf.accept_content, conf.task_serializer, conf.result_serializer):
            serializers.check_installed(serializer)
        _check_lease(conf.worker_lease, conf.worker_lease_renewal)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
    return Plan(
        app=app,
        options=options,
        size=sized,
        consumed=_consumed(options, conf),
        multiplier=None if multiplier == "auto" else int(multiplier),
        time_limit=time_limit,
        soft_time_limit=soft_time_limit,
        grace=conf.worker_shutdown_grace if options.grace is None else options.grace,
        connect_timeout=conf.broker_connection_timeout,
        patience=conf.broker_connection_timeout_total or float("inf"),
        max_unsettled=conf.worker_max_unsettled,
        task_events=options.task_events or conf.worker_send_task_events,
        heartbeat_interval=options.heartbeat_interval or conf.worker_heartbeat_interval,
        statedb=None if statedb is None else expand_file(statedb, options.node),
        agent=_agent(conf.worker_agent),
    )


def _consumed(options: WorkerOptions, conf: Settings) -> tuple[Queue, ...]:
    """Raises ImproperlyConfigured."""
    if not conf.task_create_missing_queues:
        for name in options.queues:
            try:
                check_declared(conf, name)
            except ValueError as error:
                raise ImproperlyConfigured(str(error)) from None
    offered = options.queues or of_app(conf)
    for name in options.exclude_queues:
        # As in Celery a queue that is not there can be left out; but not one that is, by another name.
        if name not in offered and (hint := did_you_mean(name, offered, SLIP)):
            raise ImproperlyConfigured(f"queue {name!r} cannot be left out: there is none{hint}")
    wanted = [name for name in offered if name not in options.exclude_queues]
    found = [declaration(conf, name) for name in wanted]
    if conf.worker_direct:
        found.append(Queue(f"{options.node}.dq2", "C.dq2", "direct", options.node))
    if not found:
        raise ImproperlyConfigured(f"no queue is left without {', '.join(options.exclude_queues)}")
    return tuple(found)


def _agent(name: str | Callable[[App], Any] | None) -> Callable[[App], Any] | None:
    """Raises ImproperlyConfigured."""
    if not isinstance(name, str):
        return name
    try:
        found: Callable[[App], Any] = resolve_name(name)
        if not callable(found):
            raise ValueError(f"{type(found).__name__!r} object is not callable")
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"worker_agent must name a class; it is {name!r}: {error}") from None
    return found


def _check_lease(lease: float, renewal: float | None) -> None:
    if renewal is not None and renewal >= lease:
        raise ValueError(
            f"worker_lease_renewal must be shorter than worker_lease, {lease:g} s; it is {renewal:g} s"
        )
