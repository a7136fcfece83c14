"""What one `runtime start` was asked for. Built by the command line, read by the worker only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Children(NamedTuple):
    """How they load the app (`pools.interface.ChildOptions`)."""

    boot: str
    """Called with `runtime.worker.child.boot_argument`."""
    before_fork: str | None = None
    after_fork: str | None = None
    commands: str = "runtime.worker.commands.custom_process:boot"
    """The same for the process that runs custom commands."""
    store_ends: bool = False
    """They alone reach the result store, and are to be told of ends that the supervisor sees."""


OURS = Children("runtime.worker.child:boot", "runtime.worker.child:precede", "runtime.worker.child:begin")
"""An `App`."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """None means: as the app's settings say."""

    app: str
    """How children find the app again: the value of `-A`."""
    node: str
    """This worker's node name, fully expanded, such as `celery@host`."""
    children: Children = OURS
    pool: str | None = None
    concurrency: int | None = None
    """Slots; None: as many as the CPUs granted to this process."""
    processes: int | None = None
    """Children that the slots are spread over, in pools whose children have several."""
    autoscale: tuple[int, int] | None = None
    """The most and the fewest slots."""
    queues: tuple[str, ...] = ()
    """Names of the queues to consume; none: those of the app."""
    exclude_queues: tuple[str, ...] = ()
    """Names of those of them that are not to be consumed."""
    loglevel: str = "info"
    logfile: str | None = None
    log_format: str = "text"
    prefetch_multiplier: str | int | None = None
    """`"auto"`, or messages per slot as Celery means it."""
    time_limit: float | None = None
    """Seconds."""
    soft_time_limit: float | None = None
    """Seconds."""
    max_tasks_per_child: int | None = None
    max_memory_per_child: int | None = None
    """Kilobytes."""
    max_lifetime_per_child: float | None = None
    """Seconds."""
    grace: float | None = None
    """Seconds that running tasks get after TERM; None: as long as they need."""
    http: str | None = None
    """Where probes and scrapers ask (`runtime.worker.health.address`)."""
    statedb: str | None = None
    """The file that remembers what is revoked; with the placeholders of node names."""
    beat: bool = False
    """Send periodic tasks, too."""
    schedule_filename: str | None = None
    """Where beat keeps what was sent last."""
    task_events: bool = False
    """Tell of tasks, to those who listen to events, from the start on."""
    heartbeat_interval: float | None = None
    """Seconds."""
    without: frozenset[str] = field(default_factory=frozenset)
    """Of `mingle`, `gossip`, `heartbeat`: not to be done."""
    purge: bool = False
    """Remove all waiting messages from the queues first."""
    banner: bool = True
    user: Mapping[str, Any] = field(default_factory=dict)
    """The app's own options (`app.user_options["worker"]`), by name; for its bootsteps."""
