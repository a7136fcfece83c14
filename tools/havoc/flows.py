"""What the load is made of: single tasks, or work-flows of them. Every task has a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from runtime import Signature, chain, chord

CHAINS = 20
"""Chains for each chord."""
STEPS = 3
"""Of a chain."""
PARTS = 20
"""Of a chord; its body is one task more."""


class Flow(NamedTuple):
    signature: Signature
    numbers: Sequence[int]


def flows(first: int, least: int, call: Callable[[int], Signature]) -> Iterator[Flow]:
    """Chains and chords of `least` tasks together, or some more, with numbers from `first` on. `call`: the
    call of the task with a number."""
    last, made = first + least, 0
    while first < last:
        length = PARTS + 1 if made % CHAINS == CHAINS - 1 else STEPS
        numbers = range(first, first + length)
        tasks = [call(number).set(immutable=True) for number in numbers]
        yield Flow(chord(tasks[:-1], tasks[-1]) if length > STEPS else chain(*tasks), numbers)
        first, made = first + length, made + 1
