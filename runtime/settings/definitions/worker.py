"""Settings of the worker."""

from __future__ import annotations

from runtime.settings.kinds import (
    AUTOSCALE,
    BOOLEAN,
    CLASS,
    PERIOD,
    POSITIVE,
    SECONDS,
    TEXT,
    either,
    one_of,
    optional,
    whole,
)
from runtime.settings.setting import Setting

WORKER = (
    Setting("worker_concurrency", optional(whole(1)), None, "Slots; None: the CPUs granted to the process."),
    Setting("worker_pool", TEXT, "prefork", "The kind of pool."),
    Setting(
        "worker_processes",
        optional(whole(1)),
        None,
        "Children over which the slots are spread, in pools whose children have several; None: 1.",
    ),
    Setting(
        "worker_autoscale",
        optional(AUTOSCALE),
        None,
        "The most and the fewest slots between which the pool follows the load; None: it does not.",
    ),
    Setting(
        "worker_prefetch_multiplier",
        either(one_of("auto"), whole(0)),
        "auto",
        "Messages held per slot; 'auto': by how long tasks take, 0: no bound.",
    ),
    Setting("worker_disable_rate_limits", BOOLEAN, False, "Rate limits of tasks are not heeded."),
    Setting("worker_lease", POSITIVE, 8.0, "A worker silent for so long has lost its messages to others."),
    Setting(
        "worker_lease_renewal",
        optional(POSITIVE),
        None,
        "How often the lease is renewed; None: four times in a lease.",
    ),
    Setting(
        "worker_max_unsettled",
        whole(1),
        10_000,
        "How many ended tasks may wait for the broker, while it is away, before no more are started.",
    ),
    Setting(
        "worker_shutdown_grace",
        optional(SECONDS),
        None,
        "How long running tasks may go on after TERM; None: as long as they need.",
    ),
    Setting("worker_dead_letters_max", whole(1), 10_000, "How many dead letters a queue keeps."),
    Setting(
        "worker_dead_letters_expires",
        optional(SECONDS),
        30 * 86400.0,
        "How long they are kept; None or 0: for ever.",
    ),
    Setting("worker_max_tasks_per_child", optional(whole(1)), None, "A child is replaced after so many."),
    Setting("worker_max_memory_per_child", optional(whole(1)), None, "Kilobytes of resident memory."),
    Setting("worker_max_lifetime_per_child", optional(POSITIVE), None, "A child is replaced after so long."),
    Setting(
        "worker_direct",
        BOOLEAN,
        False,
        "A worker also consumes a queue of its own: its node name and `.dq2`.",
    ),
    Setting("worker_send_task_events", BOOLEAN, False, "Events of tasks are sent from the start on."),
    Setting("worker_heartbeat_interval", PERIOD, 2.0, "Seconds between the events that say a worker lives."),
    Setting(
        "worker_http",
        optional(TEXT),
        None,
        "Where to serve /livez, /readyz and /metrics: HOST:PORT or unix:/path; None: nowhere.",
    ),
    Setting(
        "worker_state_db",
        optional(TEXT),
        None,
        "The file in which a worker remembers what is revoked; %n is its name, %h its host. None: in memory.",
    ),
    Setting(
        "worker_agent",
        optional(CLASS),
        None,
        "A class that is called with the app; what it makes is started and stopped with each connection.",
    ),
    Setting(
        "worker_proc_alive_timeout",
        POSITIVE,
        60.0,
        "How long a child may take to start, and the process that forks them may be silent.",
    ),
)
