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


def endless() -> Generator[Command, Any, int]:
    while True:
        yield ("PING",)


def test_scores_are_refreshed_in_time_whatever_else_is_being_done() -> None:
    """A recovery of very many messages may take long."""
    with select.epoll() as poller:
        requests = Requests(Link(ADDRESS, poller, longest_pause=1))
        upkeep = Upkeep(ADDRESS, keys_of(ADDRESS), "me", requests)
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
