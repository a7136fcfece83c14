"""How large a worker's pool is, out of options and settings: a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pools import registry
from runtime.errors import ImproperlyConfigured
from runtime.worker.cpus import granted_cpus

if TYPE_CHECKING:
    from runtime.settings import Settings
    from runtime.worker.options import WorkerOptions


class Bounds(NamedTuple):
    """Of autoscale, in slots."""

    most: int
    least: int


class Size(NamedTuple):
    kind: str
    slots: int
    """To begin with."""
    processes: int | None
    """Children that they are spread over; None: the pool's own choice."""
    bounds: Bounds | None


def size(options: WorkerOptions, conf: Settings) -> Size:
    """What was asked for, or ImproperlyConfigured.

    The app's settings are about the app's own pool: `--pool solo` is for looking into a project whose
    workers have eight slots otherwise.
    """
    try:
        kind = registry.resolve(options.pool or conf.worker_pool)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
    own = options.pool is None or kind == registry.ALIASES.get(conf.worker_pool, conf.worker_pool)
    processes = options.processes or (conf.worker_processes if own else None)
    bounds = options.autoscale or (conf.worker_autoscale if own else None)
    if kind == "solo":
        slots = options.concurrency or (conf.worker_concurrency if own else None) or 1
        if bounds:
            raise ImproperlyConfigured("autoscale: a solo pool has one slot")
        if slots > 1:
            raise ImproperlyConfigured(f"concurrency is {slots}; a solo pool runs one task at a time")
        return Size(kind, slots, processes, None)
    given = options.concurrency or conf.worker_concurrency
    if bounds is None:
        return Size(kind, given or granted_cpus(), processes, None)
    most, least = bounds
    if processes is not None and processes > most:
        raise ImproperlyConfigured(f"processes {processes} is more than {most}, the bound of autoscale")
    least = max(least, processes or 1)  # no child without a slot
    if options.concurrency and not least <= options.concurrency <= most:
        raise ImproperlyConfigured(
            f"concurrency {options.concurrency} is not between {least} and {most}, the bounds of autoscale"
        )
    return Size(kind, options.concurrency or least, processes, Bounds(most, least))
