"""This project and its peers, in turn, in one run, at 8 slots, logging off.

    python -m bench.compare [--only NAME] [--quick] [--tasks N] [--json FILE]

Every system gets a fresh private Redis server for every trial, on TCP loopback, and runs the same
task (`bench.marks.mark`). How each figure is taken is told in `bench.trials`, what each system is
started with in `bench.peers`.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import trials
from bench.peers import PEERS, Peer
from bench.rig import WorkerFailed
from bench.table import show
from bench.trials import Figures, Trial

WIDTH = 120
"""Columns of the tables when they go to a file."""


def plan(peer: Peer, tasks: int | None, quick: bool) -> list[tuple[Trial, int]]:
    """The trials of one system, each with its count: of tasks, or seconds for `idle`."""
    drained = tasks or (peer.tasks // 5 if quick else peer.tasks)
    held = peer.held // 10 if quick else peer.held
    return [
        (trials.ignored, drained),
        (trials.stored, drained),
        (trials.commands, drained),
        (trials.idle, 3 if quick else 20),
        (trials.latency, 50 if quick else 300),
        (trials.sending, 200 if quick else 2000),
        (trials.holding, held),
    ]


def chosen(only: tuple[str, ...]) -> list[Peer]:
    return [peer for peer in PEERS if not only or any(part in peer.name for part in only)]


@click.command()
@click.option("--only", multiple=True, help="Systems whose name contains this; may be repeated.")
@click.option("--tasks", type=click.IntRange(min=100, max=250_000), help="No-ops for each system.")
@click.option("--quick", is_flag=True, help="A fifth of everything: to see that it works.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there too.")
def main(only: tuple[str, ...], tasks: int | None, quick: bool, file: Path | None) -> None:
    """Compare this project with its peers."""
    work = [(peer, trial, count) for peer in chosen(only) for trial, count in plan(peer, tasks, quick)]
    figures: dict[str, Figures] = {peer.name: {} for peer, _, _ in work}
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    columns = (TextColumn("{task.description:30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(work))
        for peer, trial, count in work:
            progress.update(bar, description=f"{peer.name}: {trial.__name__}")
            try:
                figures[peer.name] |= trial(peer, count)
            except WorkerFailed as error:
                console.print(f"{trial.__name__}: {error}", markup=False)
            progress.advance(bar)
    show(console, figures)
    if file:
        file.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
