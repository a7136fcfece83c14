"""A client in a process of its own: `python -m bench.client APP VERB COUNT` prints what it
measured, as JSON. So each system's client runs alone, with nothing of another's imported."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from random import Random
from typing import Any

from bench.apps import Client
from bench.marks import Reader
from bench.waiting import until
from bench.work import is_long

PAUSE = 0.02
"""Seconds between lone tasks, so that each one finds an idle worker."""
WARM_UP = 10
"""Tasks sent before those that count: connections, queues declared, code paths."""
DAY = 86400
ARRIVALS = 300
"""Uneven tasks a second."""


def run(app: str, verb: str, count: int, environment: Mapping[str, str]) -> Any:
    """In a new process; what it printed, or None if this system has no such verb."""
    command = [sys.executable, "-m", "bench.client", app, verb, str(count)]
    output = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    return json.loads(output.stdout)


def fill(client: Client, count: int) -> None:
    """Queue `count` tasks, by the fastest way there is."""
    if hasattr(client, "send_many"):
        client.send_many(range(count))
        return
    for index in range(count):
        client.send(index)


def later(client: Client, count: int) -> None:
    client.send_later(range(count), DAY)


def one_by_one(client: Client, count: int) -> float:
    """Sends a second."""
    for index in range(WARM_UP):
        client.send(index)
    start = time.monotonic()
    for index in range(count):
        client.send(index)
    return count / (time.monotonic() - start)


def many(client: Client, count: int) -> float | None:
    """Sends a second, many at once."""
    if not hasattr(client, "send_many"):
        return None
    client.send_many(range(WARM_UP))
    start = time.monotonic()
    client.send_many(range(count))
    return count / (time.monotonic() - start)


def lone(client: Client, count: int) -> list[float]:
    """From before the send to the task's start, each when the worker is idle: p50 and p99 in ms."""
    marks = Reader()

    def start_of(index: int) -> float:
        sent = time.monotonic_ns()
        client.send(index)
        until(lambda: marks.at(index) > 0, 30, "a lone task does not start", every=0.0005)
        return (marks.at(index) - sent) / 1e6

    return _percentiles(start_of, count)


def round_trip(client: Client, count: int) -> list[float]:
    """From before the send to the result in hand: p50 and p99 in ms."""

    def duration_of(index: int) -> float:
        sent = time.monotonic_ns()
        client.call(index)
        return (time.monotonic_ns() - sent) / 1e6

    return _percentiles(duration_of, count)


def uneven(client: Client, count: int) -> list[float]:
    """Queue ARRIVALS tasks a second, at random. From before the send of each quick one to its start:
    p50, p90, p99 and the most in ms."""
    marks, gaps = Reader(), Random(1)
    sent = {}
    due = time.monotonic()
    for index in range(1, count + 1):
        due += gaps.expovariate(ARRIVALS)
        time.sleep(max(0.0, due - time.monotonic()))
        sent[index] = time.monotonic_ns()
        client.send(index)
    until(lambda: marks.all_started(count + 1), 120, "a task does not start")
    waits = [(marks.at(index) - at) / 1e6 for index, at in sent.items() if not is_long(index)]
    hundredths = statistics.quantiles(waits, n=100, method="inclusive")
    return [hundredths[49], hundredths[89], hundredths[98], max(waits)]


def _percentiles(measure: Callable[[int], float], count: int) -> list[float]:
    taken = []
    for index in range(WARM_UP + count):
        time.sleep(PAUSE)
        taken.append(measure(index))
    hundredths = statistics.quantiles(taken[WARM_UP:], n=100, method="inclusive")
    return [hundredths[49], hundredths[98]]


VERBS: dict[str, Callable[[Client, int], Any]] = {
    verb.__name__: verb for verb in (fill, later, one_by_one, many, lone, round_trip, uneven)
}


def main() -> None:
    app, verb, count = sys.argv[1:]
    client: Any = import_module(f"bench.apps.{app}")
    print(json.dumps(VERBS[verb](client, int(count))))


if __name__ == "__main__":
    main()
