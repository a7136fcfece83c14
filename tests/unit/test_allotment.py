"""The decision how many jobs each child gets."""

from __future__ import annotations

import pytest

from pools.allotment import allot


@pytest.mark.parametrize(
    ("jobs", "idle", "busy", "shares"),
    [
        (0, [1], [1], []),
        (2, [5, 5, 5], [4], [1, 1]),
        (3, [5, 5, 5], [4], [1, 1, 1]),
        (4, [5, 5, 5], [4], [4]),
        (7, [5, 5, 5], [4], [5, 2]),
        (30, [5, 5], [4, 0, 1], [5, 5, 4, 0, 1]),
        (3, [], [2, 2], [2, 1]),
        (3, [1, 1], [], [1, 1]),
        (3, [], [], []),
    ],
)
def test_shares(jobs: int, idle: list[int], busy: list[int], shares: list[int]) -> None:
    assert allot(jobs, idle, busy) == shares
