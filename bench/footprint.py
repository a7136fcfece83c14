"""Start-up, memory, and what an idle worker uses: `python -m bench.footprint`."""

from __future__ import annotations

import click

from bench import own, trials


@click.command()
@own.pool
@own.slots
@click.option("--seconds", type=click.IntRange(1), default=20, show_default=True, help="Of idling.")
@click.option("--held", type=click.IntRange(100, 250_000), default=100_000, show_default=True)
def main(pool: tuple[str, ...], slots: int, seconds: int, held: int) -> None:
    """Start a worker, watch it idle, then let it hold tasks that are due tomorrow."""
    own.measure(pool, slots, [(trials.idle, seconds), (trials.holding, held)])


if __name__ == "__main__":
    main()
