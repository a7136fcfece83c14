"""What is recovered is moved in steps that hold neither the server nor our memory for long."""

from __future__ import annotations

from typing import Any

import pytest

from brokers.redis.address import parse
from brokers.redis.keys import keys_of
from brokers.redis.recovery import CHUNK, FIRST, leave

ADDRESS = parse("redis://h")


@pytest.mark.parametrize(
    ("size", "steps"),
    [(100, [FIRST, CHUNK, CHUNK, 600 - 2 * CHUNK - FIRST]), (1_000_000, [FIRST] + [2] * 290)],
)
def test_each_step_is_bounded_in_number_and_bytes(size: int, steps: list[int]) -> None:
    tags = [b"us.%d" % number for number in range(600)]
    chore = leave(ADDRESS, keys_of(ADDRESS), "us")
    command, asked = next(chore), []
    while command[0] != "ZREM":
        answer: Any = 0
        if command[0] == "ZSCAN":
            answer = (b"0", [part for tag in tags for part in (tag, b"1")])
        elif command[0] == "HMGET":
            asked.append(len(command) - 2)
            answer = [b'["%s","","q"]' % (b"x" * size)] * asked[-1]
        command = chore.send(answer)
    assert asked == steps
