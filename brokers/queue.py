"""A queue, and what brings a message to it (PROTOCOL 6.1, 6.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

TYPES = ("direct", "topic")
WORDS = {"*": r"[^\.]+", "#": ".*?"}


class Queue(NamedTuple):
    name: str
    exchange: str
    exchange_type: str
    """One of TYPES."""
    routing_key: str
    """Of a topic exchange: words between dots, `*` for any one, `#` for any number."""

    @classmethod
    def plain(cls, name: str) -> Queue:
        """One that nobody has declared."""
        return cls(name, name, "direct", name)

    @property
    def pattern(self) -> str:
        """A regular expression for routing keys, letter by letter as kombu's; empty for a direct exchange."""
        if self.exchange_type == "direct":
            return ""
        escaped = "".join(c if c.isalnum() or c in ".#*" else f"\\{c}" for c in self.routing_key)
        return r"^{}$".format(r"\.".join(WORDS.get(word, word) for word in escaped.split(".")))

    def gets(self, exchange: str, routing_key: str) -> bool:
        """A message to this exchange with this key is for it."""
        if exchange != self.exchange:
            return False
        if self.exchange_type == "direct":
            return routing_key == self.routing_key
        return re.match(self.pattern, routing_key) is not None
