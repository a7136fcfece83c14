"""The decision when to try again after a child could not boot or died idle."""

from __future__ import annotations

from pools.respawn import CALM, Backoff, Respawn, after_failure

BACKOFF = Backoff(first=0.1, longest=1.0, attempts=6, steady=10.0)


def row(count: int) -> list[Respawn]:
    """States after so many failures in a row, each of what was started when the last wait was over."""
    states = [CALM]
    for _ in range(count):
        born = states[-1].not_before
        states.append(after_failure(states[-1], BACKOFF, born, born + 0.5))
    return states[1:]


def test_calm_allows_at_once() -> None:
    assert CALM.allows(0.0)


def test_each_wait_is_twice_as_long_up_to_a_bound() -> None:
    waits = [round(state.not_before - state.last_failure, 6) for state in row(6)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_nothing_is_allowed_while_it_waits() -> None:
    state = row(1)[0]
    assert not state.allows(state.not_before - 0.01)
    assert state.allows(state.not_before)


def test_it_gives_up_after_so_many_in_a_row() -> None:
    states = row(6)
    assert [state.attempts for state in states] == [1, 2, 3, 4, 5, 6]
    assert [state.fatal for state in states] == [False] * 5 + [True]
    assert not states[-1].allows(1e9)


def test_all_that_fail_out_of_one_attempt_count_once() -> None:
    first = after_failure(CALM, BACKOFF, born=1.0, now=2.0)
    second = after_failure(first, BACKOFF, born=1.0, now=2.5)
    assert (second.attempts, second.not_before) == (1, first.not_before)


def test_what_had_lived_long_is_no_part_of_a_row() -> None:
    states = row(4)
    born = states[-1].not_before
    assert after_failure(states[-1], BACKOFF, born, born + 10.0).attempts == 1
