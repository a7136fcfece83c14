"""Settings of tasks: defaults of what a task can declare, and of how it is sent."""

from __future__ import annotations

from brokers.retry_policy import RetryPolicy
from runtime.settings.kinds import (
    ANNOTATIONS,
    BOOLEAN,
    PRIORITY,
    QUEUES,
    RATE,
    RETRY_POLICY,
    ROUTES,
    SECONDS,
    SERIALIZER,
    TEXT,
    one_of,
    optional,
    whole,
)
from runtime.settings.setting import Setting

TASK = (
    Setting("task_acks_late", BOOLEAN, False, "Acknowledge a message when its task has ended."),
    Setting("task_acks_on_failure", BOOLEAN, True, "A late-ack task that fails is acknowledged."),
    Setting("task_acks_on_timeout", BOOLEAN, True, "The same when its hard limit has killed it."),
    Setting(
        "task_reject_on_worker_lost",
        optional(BOOLEAN),
        None,
        "A late-ack task whose child died runs again (up to task_max_deliveries); "
        "None: it does, and after that it fails.",
    ),
    Setting(
        "task_max_deliveries",
        whole(0),
        3,
        "How often a message that kills its child is tried before it is dead-lettered; 0: no bound.",
    ),
    Setting(
        "task_max_restores",
        whole(0),
        20,
        "How many workers may die with a message in their care before it is dead-lettered; 0: no bound.",
    ),
    Setting(
        "task_allow_error_cb_on_chord_header",
        BOOLEAN,
        False,
        "An errback of a chord is one of each task of its header too.",
    ),
    Setting("task_always_eager", BOOLEAN, False, "What is to be sent is run here and now, for tests."),
    Setting(
        "task_annotations",
        ANNOTATIONS,
        (),
        "Task name or '*' → options it has, whatever it declares.",
    ),
    Setting(
        "task_compression",
        optional(one_of("gzip", "zlib", "bzip2", "bz2", "lzma")),
        None,
        "Compression of bodies.",
    ),
    Setting(
        "task_create_missing_queues",
        BOOLEAN,
        True,
        "Queues that are not in task_queues can be used, too.",
    ),
    Setting("task_default_priority", optional(PRIORITY), None, "0 (first) to 9 (last); None: 0."),
    Setting("task_inherit_parent_priority", BOOLEAN, False, "A task sent by a task gets its priority."),
    Setting(
        "task_default_rate_limit",
        optional(RATE),
        None,
        "How many of each task a worker starts: '10/s', '100/m', '1000/h', or a number a second.",
    ),
    Setting("task_default_queue", TEXT, "celery", "The queue of tasks that are not routed elsewhere."),
    Setting("task_eager_propagates", BOOLEAN, False, "What tasks raise that are run so is raised, too."),
    Setting("task_ignore_result", BOOLEAN, False, "Store no result unless the task or the caller wants it."),
    Setting("task_store_eager_result", BOOLEAN, False, "The results of tasks that are run so are stored."),
    Setting("task_store_errors_even_if_ignored", BOOLEAN, False, "Store the failures of such tasks."),
    Setting("task_publish_retry", BOOLEAN, True, "What cannot be sent is tried again."),
    Setting(
        "task_publish_retry_policy",
        RETRY_POLICY,
        RetryPolicy()._asdict(),
        "How often and when; what is not named has its default.",
    ),
    Setting("task_queues", QUEUES, (), "The queues that a worker consumes, with their exchanges and keys."),
    Setting("task_routes", ROUTES, (), "Task name or glob → queue, or options; or a function."),
    Setting("task_send_sent_event", BOOLEAN, False, "Who sends a task says so by an event."),
    Setting("task_serializer", SERIALIZER, "json", "How arguments are sent."),
    Setting("task_soft_time_limit", optional(SECONDS), None, "SoftTimeLimitExceeded is raised in the task."),
    Setting("task_time_limit", optional(SECONDS), None, "The task is killed."),
    Setting("task_track_started", BOOLEAN, False, "Store STARTED when a task begins."),
)
