"""The systems compared: how each one's worker is started with 8 slots and logging off. Where
a system has a choice of processes and threads, the one that was fastest on two cores.

The task and the client calls of each are in `bench/apps`, the same few functions for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SLOTS = 8


@dataclass(frozen=True)
class Peer:
    name: str
    app: str
    """Its module in `bench/apps`."""
    command: str
    """Of the worker; {url} is the server's. The program is one of this virtual environment."""
    tasks: int
    """No-ops that take it a few seconds."""
    held: int = 0
    """Tasks held for a countdown when that is measured; 0: not comparable."""
    environment: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    """What makes it not quite the same."""


def ours(pool: str = "prefork", slots: int = SLOTS, processes: int | None = None) -> Peer:
    size = f"-c {1 if pool == 'solo' else slots}" + (f" --processes {processes}" if processes else "")
    return Peer(
        name=f"runtime {pool}",
        app="ours",
        command=f"runtime -A bench.apps.ours start --pool {pool} {size} --loglevel critical --quiet",
        tasks=100_000,
        held=100_000,
    )


def celerys(pool: str = "prefork", slots: int = SLOTS) -> Peer:
    return Peer(
        name=f"celery {pool}",
        app="celery",
        command=f"celery -A bench.apps.celery worker -P {pool} -c {slots} -l CRITICAL",
        tasks=6_000,
        held=10_000,
    )


PEERS = (
    ours(),
    celerys(),
    Peer(
        name="dramatiq",
        app="dramatiq",
        command=f"dramatiq bench.apps.dramatiq --processes 1 --threads {SLOTS} --skip-logging",
        tasks=10_000,
    ),
    Peer(
        name="dramatiq tuned",
        app="dramatiq",
        command=f"dramatiq bench.apps.dramatiq --processes 4 --threads {SLOTS // 4} --skip-logging",
        tasks=30_000,
        environment={"dramatiq_queue_prefetch": "500"},
        note="4 processes, prefetch 500",
    ),
    Peer(
        name="huey threads",
        app="huey",
        command=f"huey_consumer bench.apps.huey.huey -w {SLOTS} -k thread -q",
        tasks=20_000,
        note="acknowledges nothing: a crash loses what runs",
    ),
    Peer(
        name="huey processes",
        app="huey",
        command=f"huey_consumer bench.apps.huey.huey -w {SLOTS} -k process -q",
        tasks=30_000,
        note="acknowledges nothing: a crash loses what runs",
    ),
    Peer(
        name="taskiq",
        app="taskiq",
        command=f"taskiq worker bench.apps.taskiq:broker --workers 2 --max-async-tasks {SLOTS // 2} "
        "--log-level CRITICAL",
        tasks=15_000,
        note="2 processes; list broker: acknowledges nothing",
    ),
    Peer(
        name="taskiq stream",
        app="taskiq",
        command=f"taskiq worker bench.apps.taskiq:broker --workers 2 --max-async-tasks {SLOTS // 2} "
        "--log-level CRITICAL",
        tasks=10_000,
        environment={"BENCH_STREAM": "1"},
        note="2 processes; stream broker: acknowledges",
    ),
    Peer(
        name="saq",
        app="saq",
        command="saq bench.apps.saq.settings --workers 2 --quiet",
        tasks=15_000,
        note="2 processes",
    ),
    Peer(
        name="rq",
        app="rq",
        command=f"rq worker-pool -n {SLOTS} --url {{url}} --quiet",
        tasks=400,
        note="forks for each task",
    ),
)
