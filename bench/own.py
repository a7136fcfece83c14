"""Options and output that the benchmarks of this project alone share: one table, a row a pool."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from bench.peers import SLOTS, ours
from bench.rig import WorkerFailed
from bench.table import LOAD, REST
from bench.trials import Figures, Trial
from pools.registry import KINDS

pool = click.option("--pool", type=click.Choice(KINDS), multiple=True, help="Only these.")
slots = click.option(
    "-c", "slots", type=click.IntRange(min=1), default=SLOTS, show_default=True, help="Slots."
)


def measure(pools: Sequence[str], slots: int, trials: Sequence[tuple[Trial, int]]) -> None:
    """Run the trials, each with its count, for every pool, and print their figures."""
    console, columns = Console(), {**LOAD, **REST}
    rows = {name: _figures(console, name, slots, trials) for name in pools or KINDS}
    keys = list(dict.fromkeys(key for figures in rows.values() for key in figures))
    table = Table("pool", *(columns[key][0] for key in keys), title=f"{slots} slots", title_justify="left")
    for name, figures in rows.items():
        values = [(figures.get(key), columns[key][1]) for key in keys]
        table.add_row(name, *("-" if value is None else shape(value) for value, shape in values))
    console.print(table)


def _figures(console: Console, pool: str, slots: int, trials: Sequence[tuple[Trial, int]]) -> Figures:
    figures: Figures = {}
    for trial, count in trials:
        with console.status(f"{pool}: {trial.__name__}"):
            try:
                figures |= trial(ours(pool, slots), count)
            except WorkerFailed as error:
                console.print(f"{trial.__name__}: {error}", markup=False)
    return figures
