"""Finds messages that are held by what stands in them: in many steps, for there may be very many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from brokers.interface import Delivery
from brokers.redis.intake import from_storage
from brokers.redis.scripts import SIFT, Command

CHUNK = 150
"""Messages looked at by one command, at most; it stops the server while it runs, for 2 or 3 ms."""
LARGEST = 1_000_000
"""Bytes of messages looked at by one command, about."""
TEXTS = 1000
"""Looked for at a time."""


class Search:
    """One command at a time: send what `command` returns, and hand in the reply. What is added while a pass
    is under way is looked for in the next one."""

    def __init__(self, held: str, unacked: str) -> None:
        """The keys (`brokers.redis.keys`)."""
        self._held = held
        self._unacked = unacked
        self._sought: dict[str, None] = {}
        """By the passes to come."""
        self._now: tuple[str, ...] = ()
        """Those that this pass looks for."""
        self._last: tuple[str | bytes, str | bytes] = ("", "")
        """Tag and due time of the message that was looked at last."""
        self._asked = False

    def add(self, texts: Iterable[str]) -> None:
        self._sought |= dict.fromkeys(map(_as_written, texts))

    def command(self) -> Command | None:
        """The next one; None: nothing is sought, or the last one is not answered."""
        if self._asked or not (self._now or self._sought):
            return None
        if not self._now:
            self._now = tuple(islice(self._sought, TEXTS))
            for text in self._now:
                del self._sought[text]
        self._asked = True
        return SIFT.call(self._held, self._unacked, *self._last, CHUNK, LARGEST, *self._now)

    def answered(self, reply: Sequence[Any]) -> list[Delivery]:
        """What was found."""
        tag, due, found = reply
        self._asked, self._last = False, (tag, due)
        if not tag:
            self._now, self._last = (), ("", "")
        return from_storage(found, held=True)

    def broken(self) -> None:
        """There will be no reply: the pass begins anew."""
        self._sought = dict.fromkeys(self._now) | self._sought
        self._asked, self._now, self._last = False, (), ("", "")


def _as_written(text: str) -> str:
    """As it stands in JSON. What may be written in several ways is nowhere, or everywhere: found by the
    empty text."""
    return text if text.isascii() and text.isprintable() and not {'"', "\\"} & set(text) else ""
