"""The pools against each other, and each against Celery's of the same name, in one run.

    python -m bench.pools [--pool KIND] [--work NAME] [--slots N] [--processes N] [--quick]
                          [--chart FILE.png] [--json FILE]

Late ack, a fresh private Redis server for every trial. What the tasks do is in `bench.work`; in the
asyncio pool they are `async def`. Celery has no asyncio pool: compare that with its threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import trials, work
from bench.chart import draw
from bench.peers import Peer, celerys, ours
from bench.rig import WorkerFailed
from bench.table import Format, fine, whole
from bench.trials import Figures, Trial
from pools.registry import KINDS

CELERYS = ("prefork", "threads", "gevent", "solo")
"""Celery's pools that are compared."""
NARROW = 8
"""Slots of a pool whose children have one."""
LONGEST = 10.0
"""Seconds that the tasks of a trial may take at best; then fewer are sent."""


@dataclass(frozen=True)
class Load:
    """One kind of work and how it is measured."""

    name: str
    title: str
    ours: int
    """Tasks for us."""
    celerys: int
    """Tasks for Celery."""
    seconds: float = 0.0
    """That a task keeps its slot."""
    trial: Trial = trials.ignored

    @property
    def suffix(self) -> str:
        return "_stored" if self.trial is trials.stored else ""


LOADS = (
    Load("noop", "no-op", 60_000, 4_000),
    Load("sleep", "10 ms sleep", 20_000, 4_000, work.NAP),
    Load("cpu", "1 ms CPU", 6_000, 2_000),
    Load("mixed", "1 ms CPU\n+ 10 ms sleep", 6_000, 2_000, work.NAP),
    Load("large", "100 KB there\nand back", 2_000, 1_000, trial=trials.stored),
)


def slots_of(pool: str, slots: int) -> int:
    return {"prefork": min(NARROW, slots), "solo": 1}.get(pool, slots)


def peers(pools: Sequence[str], slots: int, processes: int | None) -> Iterator[tuple[str, Peer]]:
    """Each with its pool."""
    for pool in pools:
        spread = None if pool in ("prefork", "solo") else processes
        yield pool, ours(pool, slots_of(pool, slots), spread)
        if pool in CELERYS:
            yield pool, celerys(pool, slots_of(pool, slots))


def measure(peer: Peer, pool: str, load: Load, slots: int, quick: bool) -> Figures:
    """`<work> rate`: tasks a second. `<work> cpu`: seconds of it for each 1,000."""
    environment = {
        **peer.environment,
        work.VARIABLE: load.name,
        work.ASYNC: "1" if pool == "asyncio" else "0",
    }
    tasks = (load.ours if peer.app == "ours" else load.celerys) // (10 if quick else 1)
    if load.seconds:
        tasks = min(tasks, int(LONGEST / (10 if quick else 1) * slots_of(pool, slots) / load.seconds))
    figures = load.trial(replace(peer, environment=environment), tasks)
    return {f"{load.name} {key}": figures[f"{key}{load.suffix}"] for key in ("rate", "cpu")}


def rest(peer: Peer, quick: bool) -> Figures:
    """`pss`: MB of an idle worker."""
    return {"pss": trials.idle(peer, 1 if quick else 5)["pss"]}


def columns(loads: Sequence[Load]) -> dict[str, tuple[str, Format]]:
    """Key of a figure → heading and form."""
    found: dict[str, tuple[str, Format]] = {}
    for load in loads:
        found[f"{load.name} rate"] = (f"{load.title}\ntasks/s", whole)
        found[f"{load.name} cpu"] = ("CPU s\n/1,000", fine)
    return {**found, "pss": ("PSS\nidle MB", whole)}


def panels(loads: Sequence[Load]) -> dict[str, tuple[str, Format]]:
    """The same for the chart: rates and memory, then what they cost."""
    titles = {load.name: " ".join(load.title.split()) for load in loads}
    return {
        **{f"{name} rate": (f"{title}: tasks a second", whole) for name, title in titles.items()},
        "pss": ("memory (PSS), idle: MB", whole),
        **{f"{name} cpu": (f"{title}: CPU s per 1,000", fine) for name, title in titles.items()},
    }


def show(console: Console, loads: Sequence[Load], slots: int, figures: dict[str, Figures]) -> None:
    table = Table("pool", title=f"{slots} slots, prefork {min(NARROW, slots)}, solo 1", title_justify="left")
    shapes = columns(loads)
    for heading, _ in shapes.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for name, values in figures.items():
        cells = [(values.get(key), shape) for key, (_, shape) in shapes.items()]
        table.add_row(name, *("-" if value is None else shape(value) for value, shape in cells))
    console.print(table)


@click.command()
@click.option("--pool", type=click.Choice(KINDS), multiple=True, help="Only these.")
@click.option("--work", "names", type=click.Choice([load.name for load in LOADS]), multiple=True)
@click.option("--slots", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--processes", type=click.IntRange(min=1), help="Children of our threads, gevent and asyncio.")
@click.option("--quick", is_flag=True, help="A tenth of everything: to see that it works.")
@click.option("--chart", type=click.Path(path_type=Path), help="Draw the figures there, as PNG.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there too.")
def main(
    pool: tuple[str, ...],
    names: tuple[str, ...],
    slots: int,
    processes: int | None,
    quick: bool,
    chart: Path | None,
    file: Path | None,
) -> None:
    """Compare the pools."""
    kinds = pool or KINDS
    loads = [load for load in LOADS if not names or load.name in names]
    figures: dict[str, Figures] = {}
    console = Console()
    if not console.is_terminal:
        console.width = 160
    for kind, peer in peers(kinds, slots, processes):
        found = figures.setdefault(peer.name, {})
        try:
            for load in loads:
                with console.status(f"{peer.name}: {load.name}"):
                    found |= measure(peer, kind, load, slots, quick)
            with console.status(f"{peer.name}: idle"):
                found |= rest(peer, quick)
        except WorkerFailed as error:
            console.print(str(error), markup=False)
    show(console, loads, slots, figures)
    if chart:
        draw(chart, panels(loads), kinds, figures)
    if file:
        file.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
