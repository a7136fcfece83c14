"""Which of several workers wins an election."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from runtime.worker.events.election import MOST, Candidate, Elections


class Worker:
    """Hears everything that all say, in the order in which each of them says it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.elections = Elections(f"{node}.1")
        self.clock = 0
        self.heard: dict[str, deque[tuple[str, Any]]] = {}
        self.winners: list[Candidate] = []

    def say(self, what: str, about: Any, everybody: list[Worker]) -> None:
        for worker in everybody:
            worker.heard.setdefault(self.node, deque()).append((what, about))

    def hear(self, sender: str, everybody: list[Worker]) -> None:
        what, about = self.heard[sender].popleft()
        if what == "elect":
            self.clock = max(self.clock, about.clock) + 1
            self.elections.stands("e", about)
            if sender != self.node:
                self.say("ack", None, everybody)
        else:
            self.elections.acknowledged("e", sender)
        winner = self.elections.winner("e", [worker.node for worker in everybody if worker is not self])
        if winner is not None:
            self.winners.append(winner)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_all_candidates_find_the_same_winner_in_whatever_order_they_hear(count: int) -> None:
    for seed in range(100):
        order = random.Random(seed)
        workers = [Worker(f"w{number}") for number in range(count)]
        told = order.sample(workers, order.randint(1, count))
        waiting = list(told)
        while waiting or any(heard for worker in workers for heard in worker.heard.values()):
            deaf = [(w, sender) for w in workers for sender, heard in w.heard.items() if heard]
            if waiting and (not deaf or order.random() < 0.3):
                worker = waiting.pop()
                worker.clock += 1
                worker.say("elect", Candidate(worker.clock, f"{worker.node}.1", "task"), workers)
            else:
                worker, sender = order.choice(deaf)
                worker.hear(sender, workers)
        first = {worker.winners[0] for worker in told}
        assert len(first) == 1, f"seed {seed}: {first}"


def test_who_is_no_candidate_has_no_winner() -> None:
    elections = Elections("us.1")
    elections.stands("e", Candidate(1, "them.1", "task"))
    assert elections.winner("e", []) is None


def test_the_lowest_clock_wins_and_then_the_name() -> None:
    elections = Elections("b.1")
    for candidate in ((2, "a.1"), (1, "c.1"), (1, "b.1")):
        elections.stands("e", Candidate(*candidate, "task", {"not": "compared"}))
    assert elections.winner("e", ["a"]) is None
    elections.acknowledged("e", "a")
    winner = elections.winner("e", ["a"])
    assert winner is not None
    assert elections.is_us(winner)


def test_no_more_are_kept_than_a_few() -> None:
    elections = Elections("us.1")
    for number in range(2 * MOST):
        elections.hold(str(number), "task", None)
        elections.stands(str(number), Candidate(1, "us.1", "task"))
    assert [id for id, _, _ in elections.take()] == [str(number) for number in range(MOST, 2 * MOST)]
    assert elections.winner("0", []) is None
