"""A worker's lease: who it is, that it lives, and whose lease has ended (DESIGN 5)."""

from __future__ import annotations

import os
import socket
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from brokers.interface import BrokerUnavailable
from brokers.redis.keys import Keys
from brokers.redis.scripts import ENTER, RENEW, Command

SLACK = 0.02
"""Seconds to wait beyond the end of another's lease before looking at it."""


class Evicted(BrokerUnavailable):
    """Our lease had ended, and others have begun to take our messages: go on as somebody new."""

    def __init__(self, text: str, last: int) -> None:
        """`last`: number of our last request that was carried out."""
        super().__init__(text)
        self.last = last


class Identity(NamedTuple):
    """What a worker tells of itself, so that its successor recognises it, and people do."""

    node: str
    host: str
    pids: str
    """In which space its pid means something: the boot of the machine and the pid namespace."""
    pid: str
    started: str
    """Of the process, in clock ticks since boot: a pid is used again, this pair is not."""
    queues: str

    def is_dead_predecessor_of(self, other: Identity) -> bool:
        """Same node name, same host, and its process is gone. False where that cannot be told."""
        same_place = self[:3] == other[:3]
        return same_place and self.pid.isdecimal() and _start_time(int(self.pid)) != self.started


def identity(node: str, queues: Sequence[str]) -> Identity:
    """This process as a worker of that node name."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    pids = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    pid = os.getpid()
    return Identity(node, socket.gethostname(), pids, str(pid), _start_time(pid), ",".join(queues))


def _start_time(pid: int) -> str:
    """Empty if there is no such process, or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # After the name, which may hold anything: the state is field 3, the start time 22 (proc(5)).
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def new_incarnation() -> str:
    """Unique, 12 characters, none of them a dot or a glob character."""
    return urlsafe_b64encode(os.urandom(9)).decode()


class Lease:
    """When to renew, and what the answers say. Times are time.monotonic() seconds."""

    def __init__(self, keys: Keys, incarnation: str, who: Identity, length: float, renewal: float) -> None:
        """`length`: seconds; renewed every `renewal` seconds."""
        self.who = who
        self._keys = keys
        self._incarnation = incarnation
        self._length = length
        self._renewal = renewal
        self._entered = self._entering = self._renewed = self._asked = float("-inf")
        self._awaiting: float | None = None
        """Since when an answer is due."""
        self._ahead = float("inf")
        """By how much the server's clock was ahead of ours at the last answer, at most."""
        self._next = float("inf")

    def enter(self, answered: int, in_care: Collection[str], now: float) -> Command:
        """Begin it, or take it up on a new connection; `answered`: number of our last request that was;
        `in_care`: tags that must still be unacked, some.

        The reply is an error when others are taking our messages (`Evicted`).
        """
        self._entering = now
        fields = [part for pair in self.who._asdict().items() for part in pair]
        arguments = (*self._arguments(), answered, self._keys.unacked, len(in_care))
        return ENTER.call(*arguments, *in_care, *fields)

    def entered(self, now: float) -> None:
        self._entered = now
        self._awaiting = None
        self._renewed = self._entering
        self._asked = now
        self._next = now + self._renewal

    def renew(self, now: float) -> Command:
        self._awaiting = now if self._awaiting is None else self._awaiting
        self._asked = now
        self._next = now + self._renewal
        return RENEW.call(*self._arguments())

    def renewed(self, reply: tuple[int, int, int], asked: float, now: float) -> bool:
        """Whether somebody's lease has ended, so that messages wait for recovery. `asked`: when we did.

        Not while we have not been connected for a whole lease: after an outage of the server
        everybody's lease has ended, and nobody is dead. One that is frozen keeps its connections, and answers
        late: then we might be the first to be answered. The same when its clock is put forward, or goes on
        while we are all suspended.
        """
        self._renewed = asked
        ended, remaining, epoch = reply[0], reply[1] / 1000, reply[2] / 1000
        late = self._awaiting is not None and now - self._awaiting > self._renewal
        if late or epoch - now - self._ahead > self._renewal:
            self._entered = now
        self._awaiting, self._ahead = None, epoch - asked
        judged_from = self._entered + self._length
        if ended and now < judged_from:
            self._next = min(self._next, judged_from + SLACK)
            return False
        self._next = min(self._next, max(now + remaining, judged_from) + SLACK)
        return ended > 0

    def has_run_out(self, now: float) -> bool:
        """We were stopped, or have had no answer, for so long that others may have our messages by now."""
        return now - self._renewed > self._length

    def was_neglected(self, now: float) -> bool:
        """We have not even asked for so long: we stood still, it is not that an answer takes its time."""
        return now - self._asked > self._length

    def next_renewal(self) -> float:
        return self._next

    def _arguments(self) -> tuple[str, str, str, int]:
        keys, incarnation = self._keys, self._incarnation
        return keys.workers, keys.record(incarnation), incarnation, round(self._length * 1000)
