"""Celery's settings that are accepted, with a warning, and do nothing: a configuration that serves
Celery workers too need not be cut in two."""

from __future__ import annotations

NOT_YET = "it is not supported yet"
AMQP_ONLY = "it concerns AMQP brokers"
OTHER_STORE = "it concerns another result store than Redis"
URL = "put it into the URL"
INTERNAL = "it concerns the inside of Celery's worker"
ALWAYS = "it is always so here"

_NAMES = {
    NOT_YET: """
        beat_cron_starting_deadline beat_enable_remote_control beat_remote_control_max_tick_age beat_scheduler
        broker_read_url broker_write_url broker_use_ssl redis_backend_use_ssl
        control_queue_expires
        event_queue_expires event_serializer
        result_backend_always_retry result_backend_base_sleep_between_retries_ms
        result_backend_max_retries result_backend_max_sleep_between_retries_ms
        redis_max_connections redis_socket_connect_timeout redis_socket_timeout
        result_accept_content
        result_compression result_failure_expires result_persistent
        security_certificate security_cert_store security_digest security_key security_key_password
        task_queue_max_priority task_remote_tracebacks
        worker_deduplicate_successful_tasks
        worker_eta_task_limit worker_hijack_root_logger
        worker_redirect_stdouts worker_redirect_stdouts_level worker_log_color worker_log_datefmt
        worker_log_format
        worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle
        worker_task_log_datefmt worker_task_log_format
        """,
    AMQP_ONLY: """
        broker_channel_error_retry broker_failover_strategy broker_heartbeat broker_heartbeat_checkrate
        broker_login_method broker_native_delayed_delivery_queue_type control_queue_durable
        control_queue_exclusive control_queue_ttl event_queue_durable event_queue_exclusive event_queue_ttl
        result_exchange result_exchange_type task_create_missing_queue_exchange_type
        task_create_missing_queue_type task_default_delivery_mode
        task_default_exchange task_default_exchange_type task_default_queue_type task_default_routing_key
        worker_detect_quorum_queues
        """,
    URL: """
        broker_host broker_port broker_user broker_password broker_vhost broker_transport
        redis_db redis_host redis_password redis_port redis_username
        """,
    INTERNAL: """
        broker_connection_max_retries broker_pool_acquire_timeout broker_pool_limit
        redis_retry_on_timeout redis_socket_keepalive result_cache_max result_chord_retry_interval
        task_repr_maxlevels task_retry_on_worker_lost
        worker_autoscaler worker_cancel_long_running_tasks_on_connection_loss worker_consumer
        worker_disable_prefetch worker_enable_prefetch_count_reduction worker_lost_wait
        worker_pool_putlocks worker_pool_start_method worker_timer worker_timer_precision
        """,
    "each time is kept at once": "beat_sync_every",
    ALWAYS: "broker_connection_retry broker_connection_retry_on_startup enable_utc task_protocol",
    "set task_acks_on_failure and task_acks_on_timeout": "task_acks_on_failure_or_timeout",
}

OTHER_STORES = (
    "arangodb_",
    "azureblockblob_",
    "cache_",
    "cassandra_",
    "cosmosdbsql_",
    "couchbase_",
    "database_",
    "elasticsearch_",
    "gcs_",
    "mongodb_",
    "s3_",
)
"""Prefixes of such settings."""

INERT = {name: reason for reason, names in _NAMES.items() for name in names.split()}
"""Name → why it does nothing here."""


def inert_reason(name: str) -> str | None:
    return INERT.get(name) or (OTHER_STORE if name.startswith(OTHER_STORES) else None)
