"""What each setting and worker option of Celery is here, for an app of Celery's: data, for the translation
(`settings.py`), for `runtime migrate-check` and for the page docs/moving-over.md.

Settings are those of Celery 5.7. A setting that has become one of ours since is obeyed by the supervisor,
whatever is said of it here.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from runtime.settings import DEFINITIONS
from runtime.settings.definitions.inert import OTHER_STORES


class How(Enum):
    SAME = "the same"
    """The supervisor obeys it."""
    CELERY = "Celery's own code"
    """It is obeyed where it always was: in the processes that run tasks or send them."""
    OTHER = "otherwise"
    """There is something else for it, or it has become needless."""
    NONE = "no equal"


class Equal(NamedTuple):
    how: How
    note: str = ""
    """What there is instead, or why there is nothing."""


AMQP = "it concerns AMQP brokers"
INSIDE = "it concerns the inside of Celery's worker"
NOT_YET = "not supported yet"

_SAME = """
    broker_connection_timeout broker_read_url broker_transport_options broker_url broker_use_ssl
    control_exchange task_acks_late task_acks_on_failure task_acks_on_failure_or_timeout task_acks_on_timeout
    task_default_queue task_default_rate_limit task_queues task_soft_time_limit task_time_limit
    worker_concurrency worker_direct worker_disable_rate_limits worker_enable_remote_control
    worker_max_memory_per_child worker_max_tasks_per_child worker_pool worker_pool_restarts worker_state_db
    """

_CELERY = {
    "": """
        accept_content enable_utc imports include result_accept_content timezone
        broker_pool_acquire_timeout broker_pool_limit broker_write_url
        result_accept_content result_backend_always_retry result_backend_base_sleep_between_retries_ms
        result_backend_max_retries result_backend_max_sleep_between_retries_ms result_cache_max
        result_chord_expires result_chord_join_timeout result_chord_retry_interval result_compression
        result_exchange result_exchange_type result_extended result_failure_expires
        result_persistent result_serializer
        task_allow_error_cb_on_chord_header task_always_eager task_annotations task_compression
        task_create_missing_queue_exchange_type task_create_missing_queues task_default_exchange
        task_default_exchange_type task_default_priority task_default_routing_key task_eager_propagates
        task_ignore_result task_inherit_parent_priority task_protocol task_publish_retry
        task_publish_retry_policy task_remote_tracebacks task_repr_maxlevels task_routes
        task_send_sent_event task_serializer task_store_eager_result task_store_errors_even_if_ignored
        task_track_started
        worker_deduplicate_successful_tasks worker_hijack_root_logger worker_log_color worker_log_datefmt
        worker_redirect_stdouts worker_redirect_stdouts_level worker_task_log_datefmt worker_task_log_format
        """,
    "the lines of the supervisor keep their form": "worker_log_format",
    "what the supervisor sees end (killed, expired, revoked) it stores itself if this is Redis": """
        result_backend result_backend_transport_options result_expires
        """,
    "`start -B` and `runtime beat` run Celery's beat": """
        beat_cron_starting_deadline beat_enable_remote_control beat_max_loop_interval
        beat_remote_control_max_tick_age beat_schedule beat_schedule_filename beat_scheduler beat_sync_every
        """,
}

_OTHER = {
    "`auto`, the default, follows how long tasks take; a number is obeyed unless it is 4, Celery's default":
        "worker_prefetch_multiplier",
    "a late-ack task whose child died runs again, up to 3 times (`task_max_deliveries`), then it is a dead "
    "letter; `False` makes it fail at once": "task_reject_on_worker_lost",
    "the worker reconnects for as long as it takes": """
        broker_connection_max_retries broker_connection_retry broker_connection_retry_on_startup
        broker_channel_error_retry
        """,
    "the loading of the code counts here, and may take 60 s": "worker_proc_alive_timeout",
    "`--grace SECONDS`": "worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle",
    "tasks with an ETA wait in Redis and cost the worker nothing": "worker_eta_task_limit",
    "`worker_prefetch_multiplier` `auto` takes what slots can begin": "worker_disable_prefetch",
    "running tasks go on, and their ends are settled once the broker is back":
        "worker_cancel_long_running_tasks_on_connection_loss",
    "a dead child is seen at once": "worker_lost_wait",
    "nothing is restored by age while its worker lives": "worker_enable_prefetch_count_reduction",
    "children are forked from a fresh process that has loaded the app": "worker_pool_start_method",
}  # fmt: skip

_NONE = {
    AMQP: """
        broker_failover_strategy broker_heartbeat broker_heartbeat_checkrate broker_login_method
        broker_native_delayed_delivery_queue_type control_queue_durable control_queue_exclusive
        control_queue_ttl event_queue_durable event_queue_exclusive event_queue_ttl
        task_create_missing_queue_type task_default_delivery_mode task_default_queue_type
        task_queue_max_priority worker_detect_quorum_queues
        """,
    INSIDE: """
        worker_autoscaler worker_consumer worker_pool_putlocks worker_timer worker_timer_precision
        """,
    NOT_YET: """
        control_queue_expires event_queue_expires event_serializer
        """,
    "a late-ack task runs again by itself": "task_retry_on_worker_lost",
}

_IN_URL = "the parts of the URL"

_OF_CELERYS = (*OTHER_STORES, "redis_", "security_")
"""Prefixes of what Celery's own code obeys."""

SETTINGS: dict[str, Equal] = {
    **{name: Equal(How.SAME) for name in _SAME.split()},
    "worker_agent": Equal(How.SAME, "called with the app, not with a connection, and in the main process"),
    "worker_state_db": Equal(How.SAME, "in `FILE.runtime`: Celery's own file has another form"),
    **{name: Equal(How.CELERY, note) for note, names in _CELERY.items() for name in names.split()},
    **{name: Equal(How.OTHER, note) for note, names in _OTHER.items() for name in names.split()},
    **{name: Equal(How.NONE, note) for note, names in _NONE.items() for name in names.split()},
    **{
        f"broker_{part}": Equal(How.SAME, _IN_URL)
        for part in ("transport", "host", "port", "user", "password", "vhost")
    },
}


def of_setting(name: str) -> Equal:
    """By its lowercase name."""
    if name.startswith(_OF_CELERYS):
        return Equal(How.CELERY)
    equal = SETTINGS.get(name, Equal(How.NONE, "it is not known here"))
    return Equal(How.SAME) if equal.how is How.NONE and name in DEFINITIONS else equal


OPTIONS: dict[str, Equal] = {
    "--hostname": Equal(How.SAME, "`-n`"),
    "--detach": Equal(How.NONE, "leave it to systemd, supervisord or a container"),
    "--statedb": Equal(How.SAME, "a file of its own: Celery's is not read"),
    "--loglevel": Equal(How.SAME, "`-l`; FATAL is `critical`"),
    "--optimization": Equal(How.OTHER, "`auto` prefetching never holds a task that another slot could begin"),
    "--prefetch-multiplier": Equal(How.SAME, "or `auto`, the default"),
    "--disable-prefetch": Equal(How.OTHER, "`--prefetch-multiplier auto`, the default"),
    "--concurrency": Equal(How.SAME, "`-c`; `auto` is the default here"),
    "--pool": Equal(
        How.SAME, "`-P prefork`, `threads`, `gevent`, `solo`; `processes` is `prefork`; no `eventlet`"
    ),
    "--task-events": Equal(How.SAME, "`-E`"),
    "--time-limit": Equal(How.SAME),
    "--soft-time-limit": Equal(How.SAME),
    "--max-tasks-per-child": Equal(How.SAME),
    "--pool-start-method": Equal(How.OTHER, SETTINGS["worker_pool_start_method"].note),
    "--max-memory-per-child": Equal(How.SAME, "measured while a task runs, too"),
    "--purge": Equal(How.SAME),
    "--queues": Equal(How.SAME, "`-Q`"),
    "--exclude-queues": Equal(How.SAME, "`-X`"),
    "--include": Equal(How.OTHER, "the setting `include`"),
    "--without-gossip": Equal(How.SAME),
    "--without-mingle": Equal(How.SAME),
    "--without-heartbeat": Equal(How.SAME),
    "--heartbeat-interval": Equal(How.SAME),
    "--autoscale": Equal(How.SAME, "MAX,MIN"),
    "--beat": Equal(How.SAME, "`-B`; a process of its own runs Celery's beat"),
    "--schedule-filename": Equal(How.SAME, "`-s`"),
    "--scheduler": Equal(How.OTHER, "the setting `beat_scheduler`"),
    "--logfile": Equal(How.SAME, "`-f`"),
    "--pidfile": Equal(How.NONE, "leave it to systemd, supervisord or a container"),
    "--uid": Equal(How.NONE, "leave it to systemd, supervisord or a container"),
    "--gid": Equal(How.NONE, "leave it to systemd, supervisord or a container"),
    "--umask": Equal(How.NONE, "leave it to systemd, supervisord or a container"),
    "--executable": Equal(How.NONE, "start the `runtime` of the environment that you want"),
}
"""By their long names, the first of several."""
