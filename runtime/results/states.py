"""States of a task (PROTOCOL 10.1)."""

from __future__ import annotations

PENDING = "PENDING"
"""No document: also what is said of an id that nobody knows."""
RECEIVED = "RECEIVED"
STARTED = "STARTED"
RETRY = "RETRY"
SUCCESS = "SUCCESS"
FAILURE = "FAILURE"
REVOKED = "REVOKED"
REJECTED = "REJECTED"
IGNORED = "IGNORED"

FINAL = frozenset({SUCCESS, FAILURE, REVOKED})
"""No other state follows; the document has a `date_done`."""
UNSUCCESSFUL = frozenset({FAILURE, REVOKED})
EXCEPTION = frozenset({RETRY, FAILURE, REVOKED})
"""The document's result is an exception."""
