"""What events cost, and how soon a worker under full load answers: `python -m bench.events`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import click

from bench import own, trials
from bench.peers import Peer, ours
from bench.rig import ROOT, Rig, rig
from runtime import App

PINGS = 30


@click.command()
@own.slots
@click.option("--tasks", type=click.IntRange(1000, 250_000), default=60_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def main(slots: int, tasks: int, rounds: int) -> None:
    """No-ops a second with events off and on, in turn, the best of each; then pings under full load."""
    off = ours(slots=slots)
    on = replace(off, name=f"{off.name} -E", command=f"{off.command} -E")
    figures: dict[str, list[trials.Figures]] = {off.name: [], on.name: []}
    for _ in range(rounds):
        for peer in (off, on):
            found = trials.ignored(peer, tasks)
            figures[peer.name].append(found)
            click.echo(f"{peer.name:20} {found['rate']:10,.0f} tasks/s {found['cpu']:8.3f} CPU s per 1,000")
    best = {name: max(each["rate"] or 0.0 for each in found) for name, found in figures.items()}
    least = {name: min(each["cpu"] or 0.0 for each in found) for name, found in figures.items()}
    click.echo(f"on : off  {best[on.name] / best[off.name]:.0%} of the tasks, ", nl=False)
    click.echo(f"{least[on.name] / least[off.name]:.0%} of the CPU")
    for peer in (off, on):
        pings = sorted(_pings(peer, tasks))
        click.echo(f"{peer.name:20} ping p50 {median(pings) * 1000:.1f} ms, worst {pings[-1] * 1000:.1f} ms")


def _pings(peer: Peer, tasks: int) -> list[float]:
    """Seconds from each question to its answer, connecting included, while tasks run and somebody listens
    to events."""
    with rig(peer, results=False) as set_up:
        app = App(broker=set_up.server.url, backend=set_up.server.url, set_as_current=False)
        set_up.client("fill", tasks)
        with _listening(set_up):
            set_up.start_worker()
            set_up.wait(lambda: bool(set_up.marks.starts(tasks)), 30, "no task starts")
            took: list[float] = []
            while len(took) < PINGS and not set_up.marks.all_started(tasks):
                asked = time.perf_counter()
                assert app.control.inspect(timeout=5).ping(), "no answer"
                took.append(time.perf_counter() - asked)
        return took


@contextmanager
def _listening(set_up: Rig) -> Iterator[None]:
    """In a process of its own: in this one it would take the interpreter from who asks."""
    command = [str(Path(sys.executable).with_name("runtime")), "-A", "bench.apps.ours", "events", "--json"]
    listener = subprocess.Popen(command, cwd=ROOT, env=set_up.environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        listener.kill()
        listener.wait()


if __name__ == "__main__":
    main()
