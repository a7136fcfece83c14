"""The figures as tables, each with its ratio to Celery's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table

from bench.peers import PEERS
from bench.trials import Figures

BASE = "celery prefork"

Format = Callable[[float], str]


def whole(value: float) -> str:
    return f"{value:,.0f}"


def fine(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else whole(value)


LOAD: dict[str, tuple[str, Format]] = {
    "rate": ("tasks/s", whole),
    "cpu": ("CPU s\n/1,000", fine),
    "commands": ("Redis\ncmds/task", fine),
    "rate_stored": ("tasks/s\nresults", whole),
    "cpu_stored": ("CPU s\n/1,000", fine),
    "commands_stored": ("Redis\ncmds/task", fine),
    "send": ("sends/s", whole),
    "send_many": ("sends/s\nmany", whole),
}
REST: dict[str, tuple[str, Format]] = {
    "start_p50": ("start\np50 ms", fine),
    "start_p99": ("start\np99 ms", fine),
    "trip_p50": ("result\np50 ms", fine),
    "trip_p99": ("result\np99 ms", fine),
    "boot": ("exec to\ntask s", fine),
    "pss": ("PSS MB", whole),
    "connections": ("connec-\ntions", whole),
    "idle_commands": ("idle\ncmds/s", fine),
    "idle_cpu": ("idle\nCPU %", fine),
    "held": ("100,000\nheld MB", whole),
}


def show(console: Console, figures: Mapping[str, Figures]) -> None:
    for title, columns in (("Under load, 8 slots", LOAD), ("Lone tasks, and at rest", REST)):
        console.print(_table(title, columns, figures))
    for peer in PEERS:
        if peer.note and peer.name in figures:
            console.print(f"{peer.name}: {peer.note}", style="dim")


def _table(title: str, columns: Mapping[str, tuple[str, Format]], figures: Mapping[str, Figures]) -> Table:
    table = Table(title=title, title_justify="left", caption="x: of Celery's", caption_justify="left")
    table.add_column("system", no_wrap=True)
    for heading, _ in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    base = figures.get(BASE, {})
    for name, values in figures.items():
        cells = [_cell(values.get(key), base.get(key), shape) for key, (_, shape) in columns.items()]
        table.add_row(name, *cells)
    return table


def _cell(value: float | None, base: float | None, shape: Format) -> str:
    if value is None:
        return "-"
    return f"{shape(value)}\nx{value / base:.2g}" if base else shape(value)
