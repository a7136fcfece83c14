"""How many of the waiting jobs each child gets: a decision."""

from __future__ import annotations

from collections.abc import Sequence


def allot(jobs: int, idle: Sequence[int], busy: Sequence[int]) -> list[int]:
    """Shares for the idle children, then for the busy ones, in order; may end early.

    idle, busy: how many each can still take. One each while there are idle children enough. If not,
    jobs are tiny (else nobody would queue them behind others): then one child is filled before
    the next is woken, for each wake-up costs more than such a job.
    """
    if jobs <= len(idle):
        return [1] * jobs
    shares: list[int] = []
    for room in (*idle, *busy):
        if not jobs:
            break
        share = min(room, jobs)
        shares.append(share)
        jobs -= share
    return shares
