"""How many of the waiting jobs each child gets: a decision."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace


def allot(jobs: int, free: Sequence[int], rooms: Sequence[int]) -> list[int]:
    """Shares of the children, in order; may end early.

    free: idle slots of each. rooms: how many each can take, what is queued ahead included. As long
    as there are idle slots enough, jobs are spread evenly over the children. If there are not, jobs
    are tiny (else nobody would queue them behind others): then one child is filled before the next
    is woken, for each wake-up costs more than such a job.
    """
    idle = sum(free)
    if jobs > idle:
        return _fill(jobs, rooms)
    return [1] * jobs if idle == len(free) else _spread(jobs, free)


def _fill(jobs: int, rooms: Sequence[int]) -> list[int]:
    shares: list[int] = []
    for room in rooms:
        if not jobs:
            break
        share = min(room, jobs)
        shares.append(share)
        jobs -= share
    return shares


def _spread(jobs: int, free: Sequence[int]) -> list[int]:
    """Each goes where most slots are idle."""
    shares = [0] * len(free)
    heap = [(-slots, child) for child, slots in enumerate(free)]
    heapify(heap)
    for _ in range(jobs):
        slots, child = heap[0]
        shares[child] += 1
        heapreplace(heap, (slots + 1, child))
    return shares
