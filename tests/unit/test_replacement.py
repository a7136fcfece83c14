"""The decision which children must be made and which may go."""

from __future__ import annotations

from pools.replacement import Change, Standing, change


def child(number: int, ready: bool = True, stale: bool = False, busy: bool = False) -> Standing:
    return Standing(number, ready, stale, busy)


def test_missing_ones_are_made() -> None:
    assert change([], 3) == Change(3, [])
    assert change([child(1), child(2, ready=False)], 3) == Change(1, [])


def test_enough_is_enough() -> None:
    assert change([child(1), child(2, busy=True)], 2) == Change(0, [])


def test_a_stale_child_stays_until_its_replacement_is_ready() -> None:
    assert change([child(1, stale=True)], 1) == Change(1, [])
    assert change([child(1, stale=True), child(2, ready=False)], 1) == Change(0, [])
    assert change([child(1, stale=True), child(2)], 1) == Change(0, [1])


def test_idle_ones_go_before_busy_ones() -> None:
    children = [child(1, busy=True), child(2), child(3, busy=True), child(4)]
    assert change(children, 3) == Change(0, [2])
    assert change(children, 1) == Change(0, [2, 4, 1])


def test_stale_ones_go_first_even_if_busy() -> None:
    assert change([child(1), child(2, stale=True, busy=True), child(3)], 2) == Change(0, [2])
