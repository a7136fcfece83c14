"""How soon a lone task starts, and its result is back: `python -m bench.latency`."""

from __future__ import annotations

import click

from bench import own, trials


@click.command()
@own.pool
@own.slots
@click.option("--tasks", type=click.IntRange(10, 100_000), default=1000, show_default=True)
def main(pool: tuple[str, ...], slots: int, tasks: int) -> None:
    """Send tasks one at a time to an idle worker."""
    own.measure(pool, slots, [(trials.latency, tasks)])


if __name__ == "__main__":
    main()
