"""What has been asked of the server and not been answered, in order.

Requests that change where messages are have a number. The server remembers the last one that it
carried out for us (lua/step.lua), so after a break all that were not answered are sent again as
they were, and each is carried out once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from brokers.interface import Settlement
from brokers.redis.backlog import Looking, Measuring
from brokers.redis.chore import Chore
from brokers.redis.intake import Take
from brokers.redis.link import Link
from brokers.redis.scripts import Command, pack


class Settling(NamedTuple):
    settlements: Sequence[Settlement]
    feeds_us: bool
    """It pushes into a queue that we consume from: the server tells everybody but us."""


class Holding(NamedTuple):
    messages: int


class Rousing(NamedTuple):
    """A step of making due what is held. Has no number: it is begun anew on a new connection."""


class Renewal(NamedTuple):
    """Of the lease. Has no number: it is asked anew on a new connection."""

    asked: float
    """time.monotonic()."""


class ChoreStep(NamedTuple):
    """Has no number: a chore that is interrupted is begun anew another time."""

    chore: Chore


class Sifting(NamedTuple):
    """A step of the search (`brokers.redis.search`). Has no number: it begins anew on a new connection."""


class Forgetting(NamedTuple):
    """Of held messages that are settled. Has no number: what is left behind falls out when it is due."""

    tags: Sequence[str]


Subject = (
    Take | Settling | Holding | Rousing | Renewal | Measuring | Looking | ChoreStep | Sifting | Forgetting
)


class _Request(NamedTuple):
    subject: Subject
    packed: bytes
    step: int


class Requests:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._unanswered: deque[_Request] = deque()
        self._step = 0
        self.answered_step = 0
        """Number of the last one that was answered, and remembered by the server."""

    def __bool__(self) -> bool:
        return bool(self._unanswered)

    @property
    def can_be_answered(self) -> bool:
        """There is a connection: what has no number would otherwise be forgotten."""
        return self._link.is_open

    def next_step(self) -> int:
        """The number for the next request that gets one."""
        self._step += 1
        return self._step

    def send(self, subject: Subject, command: Command, step: int = 0) -> None:
        """At once, or when there is a connection. `step`: its number; 0: it has none."""
        request = _Request(subject, pack(command), step)
        self._unanswered.append(request)
        self._link.send(request.packed)

    def oldest(self) -> Subject:
        """What the one is about that is answered next."""
        return self._unanswered[0].subject

    def answered(self, reply: Any) -> Subject:
        """The oldest one has been: what it was about."""
        subject, _, step = self._unanswered.popleft()
        if step and not (isinstance(subject, Take) and subject.was_in_vain(reply)):
            self.answered_step = step
        return subject

    def broken(self) -> None:
        """The connection is gone: forget those without a number."""
        self._unanswered = deque(request for request in self._unanswered if request.step)

    def settling(self, above: int) -> list[Settlement]:
        """What is to be settled by those with a higher number."""
        return [
            settlement
            for subject, _, step in self._unanswered
            if step > above and isinstance(subject, Settling)
            for settlement in subject.settlements
        ]

    def send_again(self) -> None:
        """All that remain, on the new connection."""
        for request in self._unanswered:
            self._link.send(request.packed)
