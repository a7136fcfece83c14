"""What one run of chaos is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float
    """Of harm under load, at least; after that everything is left alone until all is done."""
    seed: int
    workers: int = 2
    slots: int = 4
    """Of each worker."""
    pool: str = "prefork"
    """Kind of each worker's pool."""
    processes: int | None = None
    """Children over which the slots are spread; None: the pool's own choice."""
    peer: str = "ours"
    """Whose workers: `ours` or `celery`."""
    url: str | None = None
    """A server that is running; None: a private one, which is killed and stopped as well."""
    server: str | None = None
    """Binary of the private server; None: the machine's redis-server, else valkey."""
    every: float = 1.0
    """Seconds between harms, on average."""
    flows: bool = False
    """The tasks are steps of chains and chords."""
    tasks: int = 0
    """How many are to be sent, at least."""
    harms: int = 0
    """How many are to be done, at least."""
    kills: int = 0
    """How many of them are to be SIGKILLs, at least."""
    absence: float = 3.0
    """Seconds that a worker stays away after its end, at most."""
    lease: float = 8.0
    """Seconds; a worker that is silent for longer loses its messages."""
    patience: float = 60.0
    """Seconds without any end after which what is missing is given up."""
    only: tuple[str, ...] = ()
    """Names of the harms to do; none: all that are possible."""
