"""The same task in each system, and how a client of it sends and waits.

Each module reads BENCH_URL (the server) and BENCH_RESULTS (`1`: results are stored, else not) and
has these functions; what a system does not offer is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

URL = os.environ.get("BENCH_URL", "redis://127.0.0.1:6379/0")
RESULTS = os.environ.get("BENCH_RESULTS") == "1"


class Client(Protocol):
    def send(self, index: int) -> None:
        """Queue the task `mark(index)`, or that of `bench.work`, the way its documentation does it first."""

    def send_many(self, indices: Iterable[int]) -> None:
        """The fastest way to queue many."""

    def call(self, index: int) -> None:
        """Queue it and wait for its result."""

    def send_later(self, indices: Iterable[int], seconds: int) -> None:
        """Queue them with a countdown."""
