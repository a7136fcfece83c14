"""What this worker holds for later: in unacked storage, with its tag in a sorted set by its due time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from brokers.interface import Delivery
from brokers.redis.backlog import Looking
from brokers.redis.keys import Keys
from brokers.redis.requests import Forgetting, Holding, Requests, Rousing, Sifting
from brokers.redis.scripts import HOLD, ROUSE, Argument
from brokers.redis.search import Search

HOLDS = 500
"""Messages in one call of hold.lua or rouse.lua."""
ROUSED = "1000"
"""Epoch below which nothing is held but what has been roused."""


class Held:
    """Of one incarnation. Asks by `requests`; the consumer hands in the answers."""

    def __init__(self, keys: Keys, incarnation: str, requests: Requests) -> None:
        self.key = keys.held(incarnation)
        self._record = keys.record(incarnation)
        self._unacked = keys.unacked
        self._requests = requests
        self._any = False
        """Something may be held."""
        self._rousing = False
        """Not all that is to be roused has been."""
        self._search = Search(self.key, keys.unacked)
        self._sighted: set[str] = set()
        """Tags of what this turn has told of."""
        self._forgotten: set[str] = set()
        """Tags of what is settled though it was held; a take that is under way may still bring it."""

    def hold(self, held: Sequence[tuple[str, float]]) -> None:
        """These (tag, due epoch)."""
        self._any = True
        for start in range(0, len(held), HOLDS):
            chunk = held[start : start + HOLDS]
            pairs: list[Argument] = [part for tag, due in chunk for part in (due, tag)]
            step = self._requests.next_step()
            command = HOLD.call(self._record, step, self.key, *pairs)
            self._requests.send(Holding(len(chunk)), command, step)

    def rouse(self) -> None:
        self._rousing = True
        self._rouse_from(ROUSED)

    def look(self, most: int) -> None:
        if self._requests.can_be_answered:
            looking = Looking(most)
            self._requests.send(looking, looking.command(self.key, self._unacked))

    def seek(self, texts: Iterable[str]) -> None:
        if self._any:
            self._search.add(texts)
            self._go_on_searching()

    def stop_searching(self) -> None:
        """For good, and rousing: nothing more is to be asked."""
        self._any, self._search, self._rousing = False, Search("", ""), False

    def begin_turn(self) -> None:
        """What was told of is settled by now, or is left where it is."""
        self._sighted.clear()

    def settled(self, tags: Iterable[str]) -> None:
        """What this turn has told of is held no more. (Asked of all settlements: nearly always, of none.)"""
        if self._sighted:
            self._forget([tag for tag in tags if tag in self._sighted])

    def awaited(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Those that have not been settled meanwhile: nearly always, all."""
        if not self._forgotten:
            return deliveries
        return [each for each in deliveries if each.tag not in self._forgotten]

    # What has come ------------------------------------------------------------------------------------

    def sifted(self, reply: Any) -> list[Delivery]:
        """What a step of the search has found."""
        sighted = self._search.answered(reply)
        self._sighted.update(delivery.tag for delivery in sighted)
        self._go_on_searching()
        return sighted

    def roused(self, go_on: bytes) -> bool:
        """A step of it is done; whether that was the last. go_on: from when on, if not empty."""
        if go_on and self._rousing:
            self._rouse_from(go_on)
        else:
            self._rousing = False
        return not self._rousing

    def forgot(self, tags: Sequence[str]) -> None:
        self._forgotten.difference_update(tags)

    def broken(self) -> None:
        """The connection is gone."""
        self._search.broken()

    def opened(self) -> None:
        """There is another one: ask again for what has no number."""
        self._forget(list(self._forgotten))
        if self._rousing:
            self._rouse_from(ROUSED)
        self._go_on_searching()

    def _rouse_from(self, due: str | bytes) -> None:
        if self._requests.can_be_answered:
            self._requests.send(Rousing(), ROUSE.call(self.key, due, HOLDS))

    def _go_on_searching(self) -> None:
        if self._requests.can_be_answered and (command := self._search.command()) is not None:
            self._requests.send(Sifting(), command)

    def _forget(self, tags: Sequence[str]) -> None:
        if tags:
            self._forgotten.update(tags)
            self._requests.send(Forgetting(tags), ("ZREM", self.key, *tags))
