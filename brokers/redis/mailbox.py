"""What a worker hears and says over a Redis server: published, subscribed to, and replies (PROTOCOL 12).

On a connection of its own. One that subscribes is closed when more than 32 MB wait to be sent to it
(`client-output-buffer-limit pubsub`): were it the consumer's, a take of fifty messages of 1 MB would end
it, and so would the next one.
"""

from __future__ import annotations

import re
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import hiredis

from brokers.interface import Binding, Broadcast, Heard
from brokers.redis.address import Address
from brokers.redis.link import Link
from brokers.redis.scripts import REPLY, Command, pack

KEPT = 1 << 22
"""Bytes that may wait for the server: said while there is no connection, or not answered yet."""
MOST_HEARD = 1000
"""Broadcasts given at once."""
REPLY_EXPIRES_MS = 60_000
"""Of a list of replies that nobody reads: who asked was killed."""
MOST_COLLECTED = 1000
"""Replies collected at once."""


class _Sent(NamedTuple):
    size: int
    collects: bool
    greets: bool
    """Once it is answered, all is subscribed to."""


class RedisMailbox:
    """See `brokers.interface.Mailbox`."""

    def __init__(self, address: Address, bindings: Sequence[Binding]) -> None:
        self._address = address
        self._bindings = {_pattern(address, each).encode(): each for each in bindings}
        """By what is subscribed to."""
        self._expected: Binding | None = None
        self._poller = select.epoll()
        self._link = Link(address, self._poller)
        self._kept: deque[bytes] = deque()
        """Said, and not sent yet."""
        self._unanswered: deque[_Sent] = deque()
        self._size = 0
        """Of both."""
        self._unsaid = 0
        self._check_every = address.transport.health_check_interval or float("inf")
        self._next_check = float("inf")

    def fileno(self) -> int:
        return self._poller.fileno()

    def next_deadline(self) -> float:
        if self._unsaid:
            return float("-inf")
        return min(self._link.next_deadline(), self._next_check if self._link.is_open else float("inf"))

    def receive(self, now: float) -> Heard:
        arrivals = self._link.receive(now)
        heard = Heard(problem=self._link.problem(), unsaid=self._unsaid)
        self._unsaid = 0
        if heard.problem is not None:
            self._size -= sum(sent.size for sent in self._unanswered)
            self._unanswered.clear()
        if arrivals.opened:
            self._opened()
        for reply in arrivals.replies:
            sent = self._unanswered.popleft()
            self._size -= sent.size
            if isinstance(reply, hiredis.ReplyError):
                heard.refused.append(str(reply))
            elif sent.collects:
                heard.collected += reply or ()
            heard.connected |= sent.greets
        said = [push for push in arrivals.pushes if push[0] == b"pmessage" and push[1] in self._bindings]
        heard.broadcasts = [
            Broadcast(self._bindings[push[1]].exchange, push[3]) for push in said[:MOST_HEARD]
        ]
        heard.unheard = len(said) - len(heard.broadcasts)
        if arrivals.opened or arrivals.replies or arrivals.pushes:
            self._next_check = now + self._check_every
        elif self._link.is_open and now >= self._next_check:
            self._next_check = now + self._check_every
            self._send(pack(("PING",)))
        if self._link.wants_attempt(now):
            self._link.attempt([REPLY.load()])
        return heard

    def bind(self, binding: Binding) -> None:
        pattern = _pattern(self._address, binding).encode()
        self._bindings[pattern] = binding
        if self._link.is_open:
            self._send(pack(("PSUBSCRIBE", pattern)))
            self._send(pack(("SADD", *self._address.binding(*binding))))

    def unbind(self, binding: Binding) -> None:
        pattern = _pattern(self._address, binding).encode()
        del self._bindings[pattern]
        if self._link.is_open:
            self._send(pack(("PUNSUBSCRIBE", pattern)))
        self._say(("SREM", *self._address.binding(*binding)))

    def room(self) -> int:
        return KEPT - self._size

    def expect(self, exchange: str, routing_key: str) -> None:
        self._expected = Binding(exchange, routing_key, f"{routing_key}.{exchange}")
        self._say(("SADD", *self._address.binding(*self._expected)))

    def collect(self) -> None:
        if self._expected is not None and self._link.is_open:
            replies = self._address.list_key(self._expected.queue)  # they have no priority
            self._send(pack(("RPOP", replies, MOST_COLLECTED)), collects=True)

    def expect_no_more(self) -> None:
        if self._expected is not None:
            self._say(("SREM", *self._address.binding(*self._expected)))
            self._say(("DEL", *self._address.list_keys(self._expected.queue)))
            self._expected = None

    def broadcast(self, exchange: str, routing_key: str, message: bytes) -> None:
        self._say(("PUBLISH", self._address.channel(exchange, routing_key), message))

    def reply(self, exchange: str, routing_key: str, message: bytes) -> None:
        transport = self._address.transport
        bindings, _ = self._address.binding(exchange, routing_key, "")
        names = (bindings, transport.sep, routing_key, transport.global_keyprefix)
        self._say(REPLY.call(*names, message, REPLY_EXPIRES_MS))

    def close(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self.expect_no_more()
        for binding in self._bindings.values():
            self._say(("SREM", *self._address.binding(*binding)))
        while self._link.is_open and self._unanswered and (now := time.monotonic()) < deadline:
            self.receive(now)
            if self._unanswered:
                self._poller.poll(max(0.0, min(deadline, self.next_deadline()) - time.monotonic()))
        self._link.close()
        self._poller.close()

    def _opened(self) -> None:
        # Not in the greeting: a server that refuses one of these, as access control may, has the others.
        for pattern in self._bindings:
            self._send(pack(("PSUBSCRIBE", pattern)))
        self._send(pack(("PING",)), greets=True)
        for binding in self._bindings.values():
            self._send(pack(("SADD", *self._address.binding(*binding))))
        kept, self._kept = self._kept, deque()
        for packed in kept:
            self._size -= len(packed)
            self._send(packed)

    def _say(self, command: Command) -> None:
        packed = pack(command)
        if self._size + len(packed) > KEPT:
            self._unsaid += 1
        elif self._link.is_open:
            self._send(packed)
        else:
            self._kept.append(packed)
            self._size += len(packed)

    def _send(self, packed: bytes, collects: bool = False, greets: bool = False) -> None:
        self._unanswered.append(_Sent(len(packed), collects, greets))
        self._size += len(packed)
        self._link.send(packed)


def _pattern(address: Address, binding: Binding) -> str:
    """What to subscribe to. In names, what is a glob character stands for itself."""
    literal = re.sub(r"([*?\[\]\\])", r"\\\1", address.channel(binding.exchange, binding.routing_key))
    return literal.replace("#", "*") if "#" in binding.routing_key else literal
