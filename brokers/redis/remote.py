"""Result documents of settlements, when they live on another server than the broker's.

Then a settlement is two steps: first the documents here, confirmed, then the rest at the broker. A
crash in between runs the task again, and the document of a SUCCESS stays as it is.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import hiredis

from brokers.interface import BrokerError, Settlement
from brokers.redis.address import Address
from brokers.redis.failures import failure
from brokers.redis.link import Link
from brokers.redis.scripts import OF_RESULTS, WRITE, Command, pack
from brokers.redis.settlement import documents, remainder


class _Call(NamedTuple):
    packed: bytes
    settlements: Sequence[Settlement]
    """Which may go on to the broker once this has been answered."""


class Arrived(NamedTuple):
    stored: list[Settlement]
    """What remains of settlements whose documents are stored now."""
    refusals: list[str]
    problem: BrokerError | None
    opened: bool
    """There is a (new) connection."""


class RemoteDocuments:
    def __init__(self, address: Address, poller: select.epoll) -> None:
        self._link = Link(address, poller)
        self._calls: deque[_Call] = deque()

    def open(self, timeout: float) -> None:
        """Raises BrokerUnavailable or BrokerRefused."""
        self._link.open(_greeting(), timeout)

    @property
    def is_open(self) -> bool:
        return self._link.is_open

    def submit(self, settlements: Sequence[Settlement]) -> None:
        """Write their documents and count their parts of chords; what remains of them is returned by
        `receive` then."""
        for some, arguments in documents(settlements):
            self._send(_Call(pack(WRITE.call(*arguments)), some))

    def receive(self, now: float) -> Arrived:
        stored: list[Settlement] = []
        refused: list[str] = []
        arrivals = self._link.receive(now)
        if arrivals.opened:
            for call in self._calls:
                self._link.send(call.packed)
        for reply in arrivals.replies:
            if isinstance(reply, hiredis.ReplyError):
                self._link.fail(failure(self._link.address, reply))
                break
            refused += (text.decode(errors="replace") for text in reply[0])
            outcomes = iter(reply[1])
            stored += [remainder(each, outcomes) for each in self._calls.popleft().settlements]
        if self._link.wants_attempt(now):
            self._link.attempt(_greeting())
        return Arrived(stored, refused, self._link.problem(), arrivals.opened)

    def pending(self) -> int:
        return sum(len(call.settlements) for call in self._calls)

    def unstored(self) -> list[Settlement]:
        """Settlements whose documents are not confirmed."""
        return [settlement for call in self._calls for settlement in call.settlements]

    def next_deadline(self) -> float:
        return self._link.next_deadline()

    def close(self) -> None:
        self._link.close()

    def _send(self, call: _Call) -> None:
        self._calls.append(call)
        self._link.send(call.packed)


def _greeting() -> list[Command]:
    return [script.load() for script in OF_RESULTS]
