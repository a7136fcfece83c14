"""How much memory the supervisor has, and what is in it."""

from __future__ import annotations

import gc
import os
from collections import Counter

from pools.memory import resident
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView

SAMPLES = 100
"""Samples that are kept."""


@COMMANDS.inspect()
def memsample(view: WorkerView) -> str:
    """Memory of the supervisor, kept for memdump."""
    view.samples.append(resident(os.getpid()))
    del view.samples[:-SAMPLES]
    return _megabytes(view.samples[-1])


@COMMANDS.inspect(arguments=[("samples", int)])
def memdump(view: WorkerView, samples: object = 10) -> str:
    """The last memsamples."""
    if not view.samples:
        return "- rss: (no memory samples: use memsample)"
    count = samples if type(samples) is int and samples > 0 else 10
    lines = [
        f"- rss (sample {number}): {_megabytes(size)}" for number, size in enumerate(view.samples[-count:])
    ]
    return "\n".join([*lines, f"- rss (end): {_megabytes(resident(os.getpid()))}"])


@COMMANDS.inspect(arguments=[("type", str), ("num", int), ("max_depth", int)])
def objgraph(view: WorkerView, num: object = 200, type: str = "") -> dict[str, str]:
    """Write a table of the most common objects into a file. No picture: that would stop the worker."""
    from tempfile import NamedTemporaryFile

    counts = Counter(each.__class__.__name__ for each in gc.get_objects())
    most = num if isinstance(num, int) and num > 0 else 200
    rows = [(name, count) for name, count in counts.most_common(most) if type in ("", "Request", name)]
    with NamedTemporaryFile("w", prefix="objgraph", suffix=".txt", delete=False) as file:
        file.writelines(f"{count:8} {name}\n" for name, count in rows)
    return {"filename": file.name}


def _megabytes(kilobytes: int) -> str:
    return f"{kilobytes / 1024:.1f}MB"
