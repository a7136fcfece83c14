"""How many tasks run at once, and with which code."""

from __future__ import annotations

import signal
from typing import Any

from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView
from runtime.worker.size import Bounds

MOST = 1000
"""Slots that one command may add."""


@COMMANDS.control(arguments=[("n", int)])
def pool_grow(view: WorkerView, n: int = 1) -> dict[str, str]:
    """Run n more tasks at once."""
    if view.autoscale() is not None:
        return _scaled("pool_grow")
    view.grow(_count(n))
    return {"ok": "pool will grow"}


@COMMANDS.control(arguments=[("n", int)])
def pool_shrink(view: WorkerView, n: int = 1) -> dict[str, str]:
    """Run n fewer tasks at once."""
    if view.autoscale() is not None:
        return _scaled("pool_shrink")
    view.shrink(_count(n))
    return {"ok": "pool will shrink"}


@COMMANDS.control(arguments=[("max", int), ("min", int)])
def autoscale(view: WorkerView, max: int | None = None, min: int | None = None) -> dict[str, str]:
    """Change the bounds between which the number of slots follows the load."""
    bounds = view.autoscale()
    if bounds is None:
        raise ValueError("Autoscale not enabled")
    most, least = (old if new is None else new for new, old in zip((max, min), bounds, strict=True))
    if type(most) is not int or type(least) is not int or not 1 <= least <= most:
        raise ValueError(
            f"max and min must be whole numbers, max not the smaller, not {max!r:.99}, {min!r:.99}"
        )
    view.rescale(Bounds(most, least))
    return {"ok": f"autoscale now max={most} min={least}"}


@COMMANDS.control()
def pool_restart(view: WorkerView, modules: object = None, reload: bool = False) -> dict[str, str]:
    """Replace the children, with fresh code."""
    if not view.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled")
    view.signal(signal.SIGHUP)
    return {"ok": "reload started"}


@COMMANDS.control()
def quiet(view: WorkerView) -> dict[str, str]:
    """Take no more tasks; go on with what is here. Not one of Celery's."""
    view.signal(signal.SIGTSTP)
    return {"ok": "worker takes no more tasks"}


@COMMANDS.control()
def resume(view: WorkerView) -> dict[str, str]:
    """Take tasks again, after `quiet`. Not one of Celery's."""
    view.signal(signal.SIGCONT)
    return {"ok": "worker takes tasks"}


@COMMANDS.control(answers=False)
def shutdown(view: WorkerView) -> None:
    """Stop the worker once what runs has finished."""
    view.signal(signal.SIGTERM)


def _scaled(command: str) -> dict[str, str]:
    return {"error": f"{command} is not supported with autoscale. Adjust autoscale range instead."}


def _count(n: Any) -> int:
    if type(n) is not int or not 1 <= n <= MOST:
        raise ValueError(f"n must be a whole number from 1 to {MOST}, not {n!r:.100}")
    return n
