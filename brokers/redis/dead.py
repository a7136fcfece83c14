"""Shows an operator the dead letters that a Redis server keeps, and moves or removes them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing

from brokers.dead_letter import DeadLetter, Retention
from brokers.envelope import uncounted
from brokers.redis.address import Address
from brokers.redis.client import Client
from brokers.redis.keys import keys_of
from brokers.redis.recovery import priority_of
from brokers.redis.scripts import EXPIRE, RETRY, Script

PAUSES = (0.0, 0.2, 0.4)
"""Seconds before each further try."""
CHUNK = 100
"""Entries read at once: what the server copies in a few milliseconds."""
SCAN = 1000
"""Keys looked at by one command, about."""


def queues_with_any(address: Address) -> list[str]:
    """Names of the queues that have dead letters, found among all keys of the database in many steps."""
    key = keys_of(address).dead("")
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", key) + "*"
    found: set[bytes] = set()
    with closing(Client(address, PAUSES)) as client:
        cursor = b"0"
        while True:
            [[cursor, keys]] = client.call(
                [("SCAN", cursor, "MATCH", pattern, "COUNT", str(SCAN), "TYPE", "list")]
            )
            found.update(keys)
            if cursor == b"0":
                return sorted(each.decode(errors="replace").removeprefix(key) for each in found)


class RedisDeadLetters:
    """See `brokers.interface.DeadLetters`."""

    def __init__(self, address: Address, queue: str, retention: Retention) -> None:
        self.queue = queue
        self._address = address
        self._key = keys_of(address).dead(queue)
        self._client = Client(address, PAUSES)
        self._retention = retention

    def letters(self) -> Iterator[DeadLetter]:
        """From the tail, because new ones come to the head."""
        oldest = self._retention.oldest(time.time())
        while self._run(EXPIRE, self._key, str(self._retention.most), oldest):
            pass
        end = -1
        while found := self._entries(end):
            yield from (DeadLetter.read(entry) for entry in reversed(found))
            end -= len(found)

    def _entries(self, end: int) -> list[bytes]:
        [entries] = self._client.call([("LRANGE", self._key, str(end - CHUNK + 1), str(end))])
        return list(entries)

    def retry(self, letter: DeadLetter) -> bool:
        message = uncounted(letter.message)
        destination = self._address.list_key(self.queue, priority_of(message))
        return bool(self._run(RETRY, self._key, letter.entry, destination, message))

    def drop(self, letter: DeadLetter) -> bool:
        [removed] = self._client.call([("LREM", self._key, "-1", letter.entry)])
        return bool(removed)

    def _run(self, script: Script, *arguments: str | bytes) -> int:
        # EVAL, not EVALSHA: one round trip whether or not the server knows the script.
        [answer] = self._client.call([("EVAL", script.text, "0", *arguments)])
        return int(answer)

    def close(self) -> None:
        self._client.close()
