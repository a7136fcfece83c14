"""Tasks a second, CPU and Redis commands a task of this project's pools: `python -m bench.throughput`."""

from __future__ import annotations

import click

from bench import own, trials


@click.command()
@own.pool
@own.slots
@click.option("--tasks", type=click.IntRange(100, 250_000), default=100_000, show_default=True)
def main(pool: tuple[str, ...], slots: int, tasks: int) -> None:
    """Work off a full queue, results ignored and stored."""
    own.measure(pool, slots, [(trials.ignored, tasks), (trials.stored, tasks), (trials.commands, tasks)])


if __name__ == "__main__":
    main()
