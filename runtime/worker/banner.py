"""What a starting worker shows: its configuration, queues and tasks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import runtime
from runtime.settings.settings import masked

if TYPE_CHECKING:
    from runtime.worker.plan import Plan
    from runtime.worker.size import Size


def show(plan: Plan) -> None:
    """To stdout, at once. One that is closed, or on a full disk, keeps no worker from its work."""
    with suppress(OSError):
        print(text(plan), end="", flush=True)


def text(plan: Plan) -> str:
    app, conf, options = plan.app, plan.app.conf, plan.options
    rows = [
        ("app", f"{app.main} ({options.app})"),
        ("broker", masked("broker_url", conf.broker_url)),
        ("results", masked("result_backend", conf.result_backend) or "disabled"),
        ("pool", pool(plan.size)),
        ("prefetch", "auto" if plan.multiplier is None else f"{plan.multiplier} per slot"),
        ("log level", options.loglevel),
        *_labelled("queues", plan.queues),
        *_labelled("tasks", sorted(name for name in app.tasks if not name.startswith("celery."))),
    ]
    lines = [f"  {label:<10} {value}" for label, value in rows]
    return "\n".join([f"\nruntime {runtime.__version__}  {options.node}\n", *lines, "\n"])


def pool(size: Size) -> str:
    """Its kind, slots and processes."""
    slots = f"{size.bounds.least} to {size.bounds.most}" if size.bounds else str(size.slots)
    text = f"{size.kind}, {slots} {'slot' if slots == '1' else 'slots'}"
    if size.processes is None:
        return text
    return f"{text} in {size.processes} {'process' if size.processes == 1 else 'processes'}"


def _labelled(label: str, values: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    """The label stands before the first value only."""
    return [(label if index == 0 else "", value) for index, value in enumerate(values)]
