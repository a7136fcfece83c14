"""The worker's side of a Redis broker: what is asked of the server, and what its answers mean."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import hiredis

from brokers.dead_letter import DEFAULT_RETENTION, Retention
from brokers.interface import BrokerUnavailable, Delivery, Received, Settlement
from brokers.queue import Queue
from brokers.redis import bindings, recovery
from brokers.redis.address import Address
from brokers.redis.backlog import Looking, Measuring
from brokers.redis.chore import Chore, Namesakes, Outcome
from brokers.redis.failures import failure
from brokers.redis.fence import Fence
from brokers.redis.held import Held
from brokers.redis.intake import MOST, Take, refusals
from brokers.redis.keys import keys_of
from brokers.redis.lease import Evicted, Lease, identity, new_incarnation
from brokers.redis.link import Link
from brokers.redis.lists import Lists
from brokers.redis.namesakes import look_for_namesakes
from brokers.redis.remote import RemoteDocuments
from brokers.redis.requests import (
    ChoreStep,
    Forgetting,
    Holding,
    Renewal,
    Requests,
    Rousing,
    Settling,
    Sifting,
)
from brokers.redis.scripts import OF_BROKER, SETTLE, Command
from brokers.redis.settlement import batches, given_back, named
from brokers.redis.upkeep import Upkeep

SAMPLE = 200
"""Messages in our care that are looked for when our lease is taken up again, at most."""
NEAR = 1.5
"""Seconds before it is due that a held message is given again; the driver takes once a second."""


class RedisConsumer:
    """See `brokers.interface.Consumer`."""

    def __init__(
        self,
        address: Address,
        queues: Sequence[str],
        *,
        node: str,
        results: Address | None = None,
        lease: float = 8.0,
        renewal: float | None = None,
        retention: Retention = DEFAULT_RETENTION,
    ) -> None:
        """`results`: where result documents go, if not to the broker's own database. `lease`: seconds
        after which a worker that does not answer is taken for dead; `renewal`: seconds after which it is
        renewed, None: a quarter of it. `retention`: of dead letters."""
        self._address = address
        self._keys = keys_of(address)
        self._lists = Lists(address, queues)
        self._poller = select.epoll()
        # After an outage all judge each other once they have been connected for a lease: be back by then.
        self._link = Link(address, self._poller, longest_pause=lease / 4)
        self._renewal = lease / 4 if renewal is None else renewal
        same_server = results is None or results.same_server(address)
        self._results_db = address.db if results is None or not same_server else results.db
        self._remote = None if results is None or same_server else RemoteDocuments(results, self._poller)
        self._retention = retention
        self._who = identity(node, queues)
        self._lease_length = lease
        self._connected = False
        """Not yet told of the (new) connection."""
        self._fence = Fence()
        self._begin_life()

    @property
    def queues(self) -> tuple[str, ...]:
        return self._lists.queues

    def _begin_life(self) -> None:
        """As nobody that the server has heard of."""
        self.incarnation = new_incarnation()
        self._requests = Requests(self._link)
        self._lease = Lease(self._keys, self.incarnation, self._who, self._lease_length, self._renewal)
        self._upkeep = Upkeep(self._address, self._keys, self.incarnation, self._requests)
        self._counter = 0
        self._taking = False
        self._expected = 0
        """Messages to take at most as soon as something comes."""
        self._pending = 0
        self._in_care: set[str] = set()
        """Tags of what was delivered, and neither settled nor held since."""
        self._held = Held(self._keys, self.incarnation, self._requests)

    def fileno(self) -> int:
        return self._poller.fileno()

    def connect(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if self._remote is not None:
            self._remote.open(timeout)
        self._link.open(self._greeting(), max(deadline - time.monotonic(), 0.001))
        now = time.monotonic()
        self._opened(now)
        self._upkeep.begin(now)
        self._upkeep.add(self._recovery_of_predecessors())
        self._upkeep.add(look_for_namesakes(self._keys, self._who, self.incarnation))

    def receive(self, now: float) -> Received:
        received = Received()
        self._held.begin_turn()
        self._check_lease(now)
        self._receive_from_broker(received, now)
        self._receive_documents(received, now)
        self._keep_up(now)
        self._fence.tell(received)
        if self._has_news():
            self._connected = False
            # What the server would have told us on the old connection is lost with it.
            received.connected = received.awake = True
        return received

    def next_deadline(self) -> float:
        if self._has_news() or self._fence:
            return float("-inf")
        deadlines = [self._link.next_deadline()]
        if self._link.is_open:
            deadlines += (self._lease.next_renewal(), self._upkeep.next_deadline())
        if self._remote is not None:
            deadlines.append(self._remote.next_deadline())
        return min(deadlines)

    def _has_news(self) -> bool:
        """Whether every server is connected, and that has not been told."""
        return self._connected and self._link.is_open and (self._remote is None or self._remote.is_open)

    def leased(self, now: float) -> bool:
        return not self._lease.has_run_out(now)

    def take(self, limit: int) -> None:
        if self._taking:
            raise RuntimeError("take() while the last one is unanswered")
        self._taking = True
        self._expected = 0
        take = Take(self.incarnation, self._counter, min(limit, MOST), self._lists.in_order)
        self._counter += take.limit
        step = self._requests.next_step()
        self._requests.send(take, take.command(self._keys, step, time.time() + NEAR), step)

    def expect(self, limit: int) -> None:
        self._expected = limit

    def settle(self, settlements: Sequence[Settlement]) -> None:
        self._held.settled(each.tag for each in settlements)
        if self._remote is not None:
            settlements = self._fence.ours(settlements)
            self._remote.submit([each for each in settlements if each.writes or each.chords])
            settlements = [each for each in settlements if not (each.writes or each.chords)]
        self._settle_at_broker(settlements)

    def hold(self, held: Sequence[tuple[str, float]]) -> None:
        self._in_care.difference_update(tag for tag, _ in held)
        self._pending += len(held)
        self._held.hold(held)

    def rouse(self) -> None:
        self._held.rouse()

    def measure(self) -> None:
        if self._link.is_open:
            measuring = Measuring(self._lists.in_order)
            self._requests.send(measuring, measuring.command(self._held.key))

    def look(self, most: int) -> None:
        self._held.look(most)

    def seek(self, texts: Iterable[str]) -> None:
        self._held.seek(texts)

    def consume(self, queues: Sequence[str]) -> None:
        self._lists = Lists(self._address, queues)
        self._who = self._lease.who = self._who._replace(queues=",".join(queues))
        self._upkeep.add(recovery.introduce(self._keys, self.incarnation, self._who))

    def bind(self, queues: Sequence[Queue]) -> None:
        if self._link.is_open:
            self._upkeep.add(bindings.bind(self._address, queues))

    def pending(self) -> int:
        remote = self._remote.pending() if self._remote is not None else 0
        return self._pending + remote + len(self._fence)

    def close(self, timeout: float) -> list[str]:
        deadline = time.monotonic() + timeout
        self._expected = 0
        self._held.stop_searching()
        self._upkeep.end()
        taken = self._finish(deadline)
        # The last one first: each goes to the head.
        self._settle_at_broker([given_back(delivery) for delivery in reversed(taken)])
        self._finish(deadline)
        if not self._unfinished():
            self._upkeep.add(self._reconciliation())  # one may have been cut short, and nobody knows us then
            self._upkeep.add(recovery.leave(self._address, self._keys, self.incarnation))
            self._finish(deadline)
        unsettled = self._requests.settling(above=0)
        self._link.close()
        if self._remote is not None:
            unsettled += self._remote.unstored()
            self._remote.close()
        self._poller.close()
        return [name for name in map(named, unsettled) if name]

    # What has come -------------------------------------------------------------------------------

    def _check_lease(self, now: float) -> None:
        """Deliveries that have waited here for longer than the lease may be others' by now: ask again
        for them, on a new connection. Not if an answer, or what we send, only takes its time: on a new
        one it would begin again, for ever."""
        if self._link.is_open and self._lease.was_neglected(now):
            self._link.fail(BrokerUnavailable(f"{self._address.masked()}: the lease has run out"))

    def _receive_from_broker(self, received: Received, now: float) -> None:
        arrivals = self._link.receive(now)
        if arrivals.opened:
            self._opened(now)
            self._requests.send_again()
            self._held.opened()
            self._upkeep.add(self._reconciliation())
            self._upkeep.add(self._recovery_of_predecessors())  # it may have been cut short
        for reply in arrivals.replies:
            if not isinstance(reply, hiredis.ReplyError):
                self._answered(reply, received, now)
            elif isinstance(self._requests.oldest(), ChoreStep):
                received.refused.append(f"upkeep: {reply}")
                self._upkeep.refused(self._requests.answered(reply))
            else:
                self._link.fail(failure(self._address, reply))
                break
        for push in arrivals.pushes:
            received.awake = received.awake or self._lists.concerned_by(push)
        if received.awake and self._expected and not self._taking:
            self.take(self._expected)
            received.awake, received.taking = False, True
        received.problem = self._link.problem()
        if received.problem is not None:
            self._requests.broken()
            self._held.broken()
            self._expected = 0
            self._upkeep.drop()
        if isinstance(received.problem, Evicted):
            self._begin_anew(received, received.problem.last, now)
        if self._link.wants_attempt(now):
            self._link.attempt(self._greeting())

    def _begin_anew(self, received: Received, last: int, now: float) -> None:
        """Nothing that was asked before will be done now, except the ends of tasks that were acknowledged
        before they ran: those need no message."""
        received.evicted = True
        received.taken = received.more = self._taking
        undone = self._requests.settling(above=last)
        received.settled += len(self._requests.settling(above=0)) - len(undone)
        self._begin_life()
        self._fence.put_up(self.incarnation)
        self._upkeep.begin(now)
        self._settle_at_broker(undone)

    def _answered(self, reply: Any, received: Received, now: float) -> None:
        match self._requests.answered(reply):
            case Take() as take:
                self._taking = False
                received.taken = True
                received.more = take.left_some(reply)
                deliveries = self._held.awaited(take.deliveries(reply))
                self._in_care.update(delivery.tag for delivery in deliveries)
                received.deliveries += deliveries
                received.refused += refusals(reply)
                self._lists.served(take.served(reply))
            case Settling(settlements, feeds_us):
                self._pending -= len(settlements)
                received.settled += len(settlements)
                received.fenced += (tag.decode() for tag in reply[0])
                received.refused += refusals(reply)
                received.awake = received.awake or feeds_us
            case Holding(count):
                self._pending -= count
            case Rousing():
                received.awake = self._held.roused(reply) or received.awake
            case Measuring() as measuring:
                received.backlog = measuring.backlog(reply)
            case Looking() as looking:
                received.held = looking.held(reply)
            case Sifting():
                received.sighted += self._held.sifted(reply)
            case Forgetting(tags):
                self._held.forgot(tags)
            case Renewal(asked):
                if self._lease.renewed(reply, asked, now) and not self._upkeep.busy():
                    self._upkeep.add(recovery.recover_ended(self._address, self._keys, self.incarnation))
            case ChoreStep(chore):
                self._chore_ended(self._upkeep.answered(chore, reply), received)

    def _chore_ended(self, outcome: Outcome | None, received: Received) -> None:
        """outcome: None if it has not."""
        if isinstance(outcome, Namesakes):
            received.namesakes += outcome.places
        elif outcome:
            received.restored += outcome
            received.awake = True

    def _receive_documents(self, received: Received, now: float) -> None:
        if self._remote is not None:
            arrived = self._remote.receive(now)
            received.refused += arrived.refusals
            received.problem = received.problem or arrived.problem
            self._connected = self._connected or arrived.opened
            self._settle_at_broker(arrived.stored)

    # What is asked -------------------------------------------------------------------------------

    def _greeting(self) -> list[Command]:
        """For a new connection. The server then tells it when a list that a take found empty changes,
        unless we have changed it ourselves."""
        in_care = list(islice(self._in_care, SAMPLE))
        return [
            ("CLIENT", "TRACKING", "ON", "NOLOOP"),
            *(script.load() for script in OF_BROKER),
            self._lease.enter(self._requests.answered_step, in_care, time.monotonic()),
        ]

    def _opened(self, now: float) -> None:
        self._connected = True
        self._lease.entered(now)

    def _recovery_of_predecessors(self) -> Chore:
        return recovery.recover_predecessors(self._address, self._keys, self._who, self.incarnation)

    def _reconciliation(self) -> Chore:
        return recovery.reconcile(self._address, self._keys, self.incarnation, self._in_care)

    def _keep_up(self, now: float) -> None:
        if not self._link.is_open:
            return
        if now >= self._lease.next_renewal():
            self._requests.send(Renewal(now), self._lease.renew(now))
        self._upkeep.attend(now)

    def _settle_at_broker(self, settlements: Sequence[Settlement]) -> None:
        record = self._keys.record(self.incarnation)
        databases = (self._results_db, self._address.db)
        kept = (self._retention.most, self._retention.oldest(time.time()))
        ours = self._fence.ours(settlements)
        self._in_care.difference_update(settlement.tag for settlement in ours)
        for batch, arguments, feeds_us in batches(ours, self._address, self._keys, self.queues):
            step = self._requests.next_step()
            self._pending += len(batch)
            command = SETTLE.call(
                *(record, step, self._keys.unacked, self._keys.unacked_index, *databases, *kept),
                *arguments,
            )
            self._requests.send(Settling(batch, feeds_us), command, step)

    # The end -------------------------------------------------------------------------------------

    def _finish(self, deadline: float) -> list[Delivery]:
        """Wait for the answers to everything asked; what a late take has brought."""
        deliveries: list[Delivery] = []
        while self._unfinished() and (now := time.monotonic()) < deadline:
            deliveries += self.receive(now).deliveries
            wait = min(deadline, self.next_deadline()) - time.monotonic()
            if self._unfinished() and wait > 0:
                self._poller.poll(wait)
        return deliveries

    def _unfinished(self) -> bool:
        return bool(self._requests) or self._upkeep.busy() or self.pending() > 0
