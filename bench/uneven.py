"""How long quick tasks wait among long ones: `python -m bench.uneven`.

Two workers with default settings share a queue. Most tasks compute for a millisecond; every 1.6 s there is
one of ten, so that six or seven of the eight slots are taken, and one or two are enough for the rest.
What waits longer than such a slot is busy was reserved by somebody who could not run it.
"""

from __future__ import annotations

from dataclasses import replace

import click
from rich.console import Console
from rich.table import Table

from bench import client, trials, work
from bench.peers import Peer, celerys, ours
from bench.rig import WorkerFailed, rig
from bench.table import fine

SLOTS = 4
"""Of each worker."""


def measure(peer: Peer, tasks: int) -> list[float]:
    """p50, p90, p99 and the most, in ms. Raises WorkerFailed."""
    peer = replace(peer, environment={**peer.environment, work.VARIABLE: work.uneven.__name__})
    with rig(peer, results=False) as set_up:
        set_up.client("fill", 1)
        for number in (1, 2):
            set_up.start_worker("-n", f"worker{number}@bench")
            trials.settle_down(set_up)
        set_up.wait(lambda: set_up.marks.all_started(1), 30, "no task starts")
        return list(set_up.client(client.uneven.__name__, tasks))


@click.command()
@click.option("--tasks", type=click.IntRange(1000, 200_000), default=4500, show_default=True)
def main(tasks: int) -> None:
    """Send them to two of our workers, then to two of Celery's."""
    console = Console(width=100)
    title = (
        f"{client.ARRIVALS} tasks a second, {1 / work.SELDOM:.1%} of them long: ms until a quick one starts"
    )
    table = Table("workers", "p50", "p90", "p99", "most", title=title, title_justify="left")
    for peer in (ours(slots=SLOTS), celerys(slots=SLOTS)):
        with console.status(peer.name):
            try:
                table.add_row(peer.name, *map(fine, measure(peer, tasks)))
            except WorkerFailed as error:
                console.print(str(error), markup=False)
    console.print(table)


if __name__ == "__main__":
    main()
