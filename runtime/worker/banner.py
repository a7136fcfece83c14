"""What a starting worker shows: its configuration, queues and tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import runtime
from runtime.settings.settings import masked

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.worker.size import Size
    from runtime.worker.start import Plan


def show(app: App, planned: Plan) -> None:
    """To stdout, at once."""
    sys.stdout.write(text(app, planned))
    sys.stdout.flush()


def text(app: App, planned: Plan) -> str:
    conf, options = app.conf, planned.options
    rows = [
        ("app", f"{app.main} ({options.app})"),
        ("broker", masked("broker_url", conf.broker_url)),
        ("results", masked("result_backend", conf.result_backend) if conf.result_backend else "disabled"),
        ("pool", pool(planned.size)),
        ("prefetch", "auto" if planned.multiplier is None else f"{planned.multiplier} per slot"),
        ("log level", options.loglevel),
        *_labelled("queues", planned.queues),
        *_labelled("tasks", sorted(app.tasks)),
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
