"""What is recovered is moved in steps that hold neither the server nor our memory for long."""

from __future__ import annotations

from typing import Any

import pytest

from brokers.redis.address import parse
from brokers.redis.keys import keys_of
from brokers.redis.recovery import CHUNK, leave
from brokers.redis.scripts import READ, RESTORE

ADDRESS = parse("redis://h")


@pytest.mark.parametrize(("fit", "steps"), [(CHUNK, [CHUNK, CHUNK, 600 - 2 * CHUNK]), (7, [7] * 85 + [5])])
def test_each_step_is_bounded(fit: int, steps: list[int]) -> None:
    """In number; in bytes by the script that reads, which shows as many as fit."""
    tags = [b"us.%d" % number for number in range(600)]
    chore = leave(ADDRESS, keys_of(ADDRESS), "us")
    command, moved = next(chore), []
    while command[0] != "ZREM":
        answer: Any = 0
        if command[0] == "ZSCAN":
            answer = (b"0", [part for tag in tags for part in (tag, b"1")])
        elif command[1] == READ.digest:
            asked = command[5:]
            assert len(asked) <= CHUNK
            answer = [b'["%s","","q"]' % str(tag).encode() for tag in asked[:fit]]
        elif command[1] == RESTORE.digest:
            moved.append(command[7::3])
        command = chore.send(answer)
    assert [len(step) for step in moved] == steps
    assert [tag for step in moved for tag in step] == tags[::-1]
