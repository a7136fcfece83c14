"""In which order chores are done."""

from __future__ import annotations

import select
from collections.abc import Generator
from typing import Any

from brokers.redis.address import parse
from brokers.redis.keys import keys_of
from brokers.redis.link import Link
from brokers.redis.requests import ChoreStep, Requests
from brokers.redis.scripts import Command
from brokers.redis.upkeep import Upkeep

ADDRESS = parse("redis://h?visibility_timeout=40")


def upkeep_of(poller: select.epoll) -> tuple[Upkeep, Requests]:
    requests = Requests(Link(ADDRESS, poller, longest_pause=1))
    return Upkeep(ADDRESS, keys_of(ADDRESS), "me", requests), requests


def endless() -> Generator[Command, Any, int]:
    while True:
        yield ("PING",)


def test_scores_are_refreshed_in_time_whatever_else_is_being_done() -> None:
    """A recovery of very many messages may take long."""
    with select.epoll() as poller:
        upkeep, requests = upkeep_of(poller)
        chore = endless()
        upkeep.add(chore)
        upkeep.begin(0.0)
        refreshed = []
        for now in range(30):
            upkeep.attend(now)
            step = requests.oldest()
            assert isinstance(step, ChoreStep)
            requests.answered(-1)
            upkeep.answered(step.chore, -1)
            if step.chore is not chore:
                refreshed.append(now)
        assert refreshed == [10, 20]


def test_a_broken_connection_ends_what_was_begun_and_nothing_else() -> None:
    """What was begun knows of things as they were before."""
    with select.epoll() as poller:
        upkeep, requests = upkeep_of(poller)
        begun, later = endless(), endless()
        upkeep.add(begun)
        upkeep.add(later)
        upkeep.attend(0.0)
        requests.answered(-1)
        upkeep.answered(begun, -1)  # it goes on at the next turn
        upkeep.drop()
        upkeep.attend(1.0)
        assert requests.oldest() == ChoreStep(later)
