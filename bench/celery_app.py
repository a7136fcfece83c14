"""An unmodified Celery app under `celery worker` and under `runtime start`: `python -m bench.celery_app`."""

from __future__ import annotations

from dataclasses import replace

import click
from rich.console import Console

from bench import trials
from bench.peers import SLOTS, celerys

UNDER_CELERY = celerys()
UNDER_OURS = replace(
    UNDER_CELERY,
    name="runtime prefork",
    command=f"runtime -A bench.apps.celery start -c {SLOTS} --loglevel critical --quiet",
)

TRIALS = {
    trials.ignored: {"rate": "tasks/s, results ignored", "cpu": "CPU s per 1,000 tasks"},
    trials.commands: {"commands": "Redis commands per task", "commands_stored": "the same, results stored"},
    trials.stored: {"rate_stored": "tasks/s, results stored", "cpu_stored": "CPU s per 1,000 tasks"},
}
"""What is measured → its figures, in the order in which they are shown."""


@click.command()
@click.option("--tasks", type=click.IntRange(100, 100_000), default=2_000, show_default=True)
@click.option("--times", type=click.IntRange(1, 20), default=5, show_default=True, help="As many for ours.")
def main(tasks: int, times: int) -> None:
    """The same app, tasks and client; 8 slots; late ack; one run."""
    console = Console()
    console.print(f"{'':<30}{'celery worker':>15}{'runtime start':>15}{'ratio':>8}")
    for trial, shown in TRIALS.items():
        theirs, ours = trial(UNDER_CELERY, tasks), trial(UNDER_OURS, tasks * times)
        for key, label in shown.items():
            before, after = theirs[key], ours[key]
            assert before is not None
            assert after is not None
            console.print(
                f"{label:<30}{before:>15,.3f}{after:>15,.3f}{after / before:>8.2f}", highlight=False
            )


if __name__ == "__main__":
    main()
