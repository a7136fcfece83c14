"""The pools against each other, and each against Celery's of the same name, in one run.

    python -m bench.pools [--pool KIND] [--work NAME] [--slots N] [--processes N] [--quick]
                          [--chart FILE.png] [--json FILE] [--read FILE]

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
CROWDED = ("gevent", "asyncio")
"""Pools that have so many slots."""
CROWD = 1000
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
    Load("cpu", "1 ms CPU", 10_000, 4_000),
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


def doing(name: str, peer: Peer, pool: str) -> Peer:
    """The same with tasks that do this work."""
    is_async = "1" if pool == "asyncio" else "0"
    return replace(peer, environment={**peer.environment, work.VARIABLE: name, work.ASYNC: is_async})


def measure(peer: Peer, pool: str, load: Load, slots: int, quick: bool) -> Figures:
    """`<work> rate`: tasks a second. `<work> cpu`: seconds of it for each 1,000."""
    tasks = (load.ours if peer.app == "ours" else load.celerys) // (10 if quick else 1)
    if load.seconds:
        tasks = min(tasks, int(LONGEST / (10 if quick else 1) * slots_of(pool, slots) / load.seconds))
    figures = load.trial(doing(load.name, peer, pool), tasks)
    return {f"{load.name} {key}": figures[f"{key}{load.suffix}"] for key in ("rate", "cpu")}


def idle(peer: Peer, pool: str, quick: bool) -> Figures:
    """`pss`: MB of an idle worker. `start_p99`: ms until a lone task has started there."""
    peer = doing("noop", peer, pool)
    lone = trials.latency(peer, 20 if quick else 200)
    return {"pss": trials.idle(peer, 1)["pss"], "start_p99": lone["start_p99"]}


def crowd(pool: str, peer: Peer) -> Figures:
    """`crowd`: seconds that CROWD tasks take of which each waits for one, in as many slots of one process."""
    make = ours if peer.app == "ours" else celerys
    return {"crowd": trials.at_once(doing("wait", make(pool, CROWD), pool), CROWD)["seconds"]}


def figures_of(
    peer: Peer, pool: str, loads: Sequence[Load], slots: int, quick: bool, console: Console
) -> Figures:
    """All of one worker's; where it fails, it says why, and the rest is missing."""
    found: Figures = {}
    try:
        for load in loads:
            found |= measure(peer, pool, load, slots, quick)
        found |= idle(peer, pool, quick)
        if pool in CROWDED:
            found |= crowd(pool, peer)
    except WorkerFailed as error:
        console.print(str(error), markup=False)
    return found


def columns(loads: Sequence[Load]) -> dict[str, tuple[str, Format]]:
    """Key of a figure → heading and form."""
    found: dict[str, tuple[str, Format]] = {}
    for load in loads:
        found[f"{load.name} rate"] = (f"{load.title}\ntasks/s", whole)
        found[f"{load.name} cpu"] = ("CPU s\n/1,000", fine)
    return {
        **found,
        "pss": ("PSS\nidle MB", whole),
        "start_p99": ("start\np99 ms", fine),
        "crowd": (f"{CROWD:,} of 1 s\nseconds", fine),
    }


def panels(loads: Sequence[Load]) -> dict[str, tuple[str, Format]]:
    """The same for the chart: rates and memory, then what they cost."""
    titles = {load.name: " ".join(load.title.split()) for load in loads}
    return {
        **{f"{name} rate": (f"{title}: tasks a second", whole) for name, title in titles.items()},
        "pss": ("memory (PSS), idle: MB", whole),
        "start_p99": ("idle: sent to started, p99: ms", fine),
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
@click.option(
    "--read",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Show what --json wrote.",
)
def main(
    pool: tuple[str, ...],
    names: tuple[str, ...],
    slots: int,
    processes: int | None,
    quick: bool,
    chart: Path | None,
    file: Path | None,
    read: tuple[Path, ...],
) -> None:
    """Compare the pools."""
    kinds = pool or KINDS
    loads = [load for load in LOADS if not names or load.name in names]
    console = Console()
    if not console.is_terminal:
        console.width = 160
    figures: dict[str, Figures] = {}
    for earlier in read:
        for name, values in json.loads(earlier.read_text()).items():
            figures.setdefault(name, {}).update(values)
    if not read:
        for kind, peer in peers(kinds, slots, processes):
            with console.status(peer.name):
                figures[peer.name] = figures_of(peer, kind, loads, slots, quick, console)
            if file:
                file.write_text(json.dumps(figures, indent=2))
    show(console, loads, slots, figures)
    if chart:
        draw(chart, panels(loads), kinds, figures)


if __name__ == "__main__":
    main()
