"""The decision how many jobs each child gets."""

from __future__ import annotations

import pytest

from pools.allotment import allot


@pytest.mark.parametrize(
    ("jobs", "free", "rooms", "shares"),
    [
        (0, [1], [1], []),
        (2, [1, 1, 1], [5, 5, 5], [1, 1]),
        (3, [1, 1, 1], [5, 5, 5], [1, 1, 1]),
        (4, [1, 1, 1, 0], [5, 5, 5, 4], [4]),
        (7, [1, 1, 1, 0], [5, 5, 5, 4], [5, 2]),
        (30, [1, 1, 0, 0, 0], [5, 5, 4, 0, 1], [5, 5, 4, 0, 1]),
        (3, [0, 0], [2, 2], [2, 1]),
        (3, [1, 1], [1, 1], [1, 1]),
        (3, [], [], []),
        (6, [50, 50], [60, 60], [3, 3]),
        (7, [50, 52], [60, 60], [3, 4]),
        (3, [1, 7], [1, 7], [0, 3]),
        (8, [1, 7], [1, 7], [1, 7]),
        (9, [1, 7], [1, 7], [1, 7]),
        (70, [50, 50], [60, 60], [35, 35]),
        (110, [50, 50], [60, 60], [60, 50]),
    ],
)
def test_shares(jobs: int, free: list[int], rooms: list[int], shares: list[int]) -> None:
    assert allot(jobs, free, rooms) == shares
