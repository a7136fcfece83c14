"""Settings of the app as a whole, of the broker and of results."""

from __future__ import annotations

from runtime.settings.kinds import (
    BOOLEAN,
    CONTENT,
    MAPPING,
    MODULES,
    POSITIVE,
    SECONDS,
    SERIALIZER,
    TEXT,
    TIMEZONE,
    URL,
    optional,
    whole,
)
from runtime.settings.setting import Setting

GENERAL = (
    Setting("accept_content", CONTENT, ("json",), "Serializers or content types that are read."),
    Setting("imports", MODULES, (), "Modules to import when the app is loaded."),
    Setting("include", MODULES, (), "More modules to import when the app is loaded."),
    Setting("timezone", optional(TIMEZONE), None, "Zone of datetimes given without one; None: UTC."),
)

BROKER = (
    Setting(
        "broker_url",
        URL,
        "embedded://",
        "Where messages are. The environment variable RUNTIME_BROKER_URL replaces the default.",
    ),
    Setting("broker_transport_options", MAPPING, {}, "Options of the broker, such as global_keyprefix."),
    Setting("broker_connection_timeout", POSITIVE, 4.0, "Bound of one attempt to connect."),
    Setting(
        "broker_connection_timeout_total",
        optional(SECONDS),
        None,
        "How long the broker may be gone before the worker exits with an error; None: for ever.",
    ),
)

CONTROL = (
    Setting(
        "control_exchange", TEXT, "celery", "Name space of remote control: who shares it hears each other."
    ),
    Setting("worker_enable_remote_control", BOOLEAN, True, "Workers listen to remote control."),
    Setting("event_exchange", TEXT, "celeryev", "Name space of events: who shares it hears each other."),
    Setting("event_queue_prefix", TEXT, "celeryev", "What names of listeners begin with."),
    Setting("worker_pool_restarts", BOOLEAN, False, "The command pool_restart is obeyed."),
)

RESULT = (
    Setting(
        "result_backend",
        optional(URL),
        None,
        "Where results are stored; None: nowhere. Default: an embedded broker's own server, else nowhere. "
        "RUNTIME_RESULT_BACKEND replaces it.",
    ),
    Setting("result_backend_transport_options", MAPPING, {}, "Options of the result store."),
    Setting("result_expires", optional(SECONDS), 86400, "How long results are kept; None or 0: for ever."),
    Setting("result_chord_expires", optional(SECONDS), None, "The same of chords; None: result_expires."),
    Setting(
        "result_chord_join_timeout",
        optional(SECONDS),
        3.0,
        "How long the end of a chord waits for results that its parts did not leave; None: for ever.",
    ),
    Setting("result_extended", BOOLEAN, False, "Store the task's name, arguments, worker with its result."),
    Setting(
        "result_max_bytes",
        whole(1),
        512 * 1024 * 1024,
        "A task whose result or follow-up is longer fails. Redis closes the connection over what is longer "
        "than its own bound, proto-max-bulk-len.",
    ),
    Setting("result_serializer", SERIALIZER, "json", "How results are stored."),
)
