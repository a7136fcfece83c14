"""Settings of the app as a whole, of the broker and of results."""

from __future__ import annotations

from runtime.settings.kinds import BOOLEAN, MAPPING, SECONDS, TEXT, TEXTS, optional, whole
from runtime.settings.setting import Setting

GENERAL = (
    Setting("accept_content", TEXTS, ("json",), "Serializers or content types that are read."),
    Setting(
        "result_accept_content",
        optional(TEXTS),
        None,
        "The same for stored results; None: as accept_content.",
    ),
    Setting("imports", TEXTS, (), "Modules to import when the app is loaded."),
    Setting("include", TEXTS, (), "More modules to import when the app is loaded."),
    Setting("timezone", optional(TEXT), None, "Zone of datetimes given without one; None: UTC."),
    Setting("enable_utc", BOOLEAN, True, "Times are sent in UTC (they always are)."),
)

BROKER = (
    Setting(
        "broker_url",
        TEXT,
        "embedded://",
        "Where messages are. The environment variable RUNTIME_BROKER_URL replaces the default.",
    ),
    Setting("broker_transport_options", MAPPING, {}, "Options of the broker, such as global_keyprefix."),
    Setting("broker_connection_timeout", SECONDS, 4.0, "Bound of one attempt to connect."),
    Setting(
        "broker_connection_timeout_total",
        optional(SECONDS),
        None,
        "How long the broker may be gone before the worker exits with an error; None: for ever.",
    ),
    Setting("broker_connection_retry", BOOLEAN, True, "Connect again when a connection is lost."),
    Setting(
        "broker_connection_retry_on_startup",
        optional(BOOLEAN),
        None,
        "Try again when the first connection fails; None: as broker_connection_retry.",
    ),
)

RESULT = (
    Setting(
        "result_backend",
        optional(TEXT),
        "embedded://",
        "Where results are stored; None: nowhere. RUNTIME_RESULT_BACKEND replaces the default.",
    ),
    Setting("result_backend_transport_options", MAPPING, {}, "Options of the result store."),
    Setting("result_expires", optional(SECONDS), 86400, "How long results are kept; None or 0: for ever."),
    Setting(
        "result_failure_expires", optional(SECONDS), None, "The same for FAILURE; None: as result_expires."
    ),
    Setting("result_extended", BOOLEAN, False, "Store the task's name, arguments, worker with its result."),
    Setting("result_serializer", TEXT, "json", "How results are stored."),
    Setting("result_chord_expires", optional(SECONDS), None, "How long a chord's parts are kept."),
    Setting("result_chord_join_timeout", SECONDS, 3.0, "Bound of collecting one part of a chord."),
    Setting("redis_max_connections", optional(whole(1)), None, "Bound of the connection pool of results."),
    Setting("redis_socket_timeout", optional(SECONDS), 120.0, "Bound of one reply of the result store."),
    Setting("redis_socket_connect_timeout", optional(SECONDS), None, "Bound of one attempt to connect."),
)
