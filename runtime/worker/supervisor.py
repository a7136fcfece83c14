"""The supervisor's loop: everything that happens in a worker, in the order of `runtime.worker`'s table."""

from __future__ import annotations

import faulthandler
import logging
import select
import signal
import time
from collections.abc import Callable

from brokers.interface import BrokerError, Consumer, Delivery, Settlement
from pools.interface import Booted, ChildFailed, Event, Finished, Lost, Pool, Started, TimedOut
from runtime.execution import manifest, report
from runtime.execution.manifest import Manifest
from runtime.worker import lifecycle
from runtime.worker.autoscale import Autoscaler
from runtime.worker.exitcodes import ExitCode
from runtime.worker.health.condition import Condition
from runtime.worker.health.health import Health
from runtime.worker.journal import Journal
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.lifecycle import State
from runtime.worker.pipeline import prefetch
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.hold import NEAR, NearlyDue
from runtime.worker.pipeline.intake import Refused, admit
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.signals import SignalInbox

logger = logging.getLogger("runtime.worker")

POLL = 1.0
"""Seconds between looks into the queues of an idle worker: what brings held messages back when they
are due, and a guard against ever going deaf."""
LINGER = 0.001
"""Seconds to let ends gather while every child has quick jobs queued ahead: nobody waits for us, and
a turn costs the same for one end as for fifty."""
LINGER_QUEUED = 4
"""Jobs queued ahead per slot from which on that is so."""
LAST_WORDS = 5.0
"""Seconds that a worker which kills its tasks waits for the broker to confirm; what it cannot
confirm by then comes back when its lease ends."""
STALLED = 0.1
"""Seconds without any end, all slots busy, after which what waits here is given back to the queue."""


class Supervisor:
    """Single-threaded; made and run by `runtime.worker.start`. Owns the state of the worker's life."""

    def __init__(
        self,
        broker: Consumer,
        pool: Pool,
        inbox: SignalInbox,
        health: Health,
        dispatcher: Dispatcher,
        pace: Pace,
        settler: Settler,
        multiplier: int | None,
        grace: float | None,
        patience: float,
        max_unsettled: int,
        autoscaler: Autoscaler,
    ) -> None:
        """`multiplier`: messages per slot, None for `auto`. `grace`: seconds for running tasks after TERM,
        None without bound. `patience`: seconds that the broker may be away. `max_unsettled`: settlements
        that may wait for it; at that bound no task is started."""
        self._broker = broker
        self._pool = pool
        self._inbox = inbox
        self._health = health
        self._meters = health.meters()
        self._dispatcher = dispatcher
        self._pace = pace
        self._settler = settler
        self._multiplier = multiplier
        self._grace = float("inf") if grace is None else grace
        self._patience = patience
        self._max_unsettled = max_unsettled
        self._autoscaler = autoscaler
        self._lost_at: float | None = None
        """When the broker's connection broke; None while there is one."""
        self._ledger = Ledger()
        self._theirs: set[int] = set()
        """Jobs whose messages others have since we were evicted: to be killed."""
        self._nearly_due = NearlyDue()
        self._journal = Journal()
        self._manifest: Manifest | None = None
        self._state = State.RUNNING
        self._deadline = float("inf")
        self._exit_code = ExitCode.OK
        self._settlements: list[Settlement] = []
        self._starting = True
        """Tasks may be started."""
        self._taking = False
        self._more = True
        self._next_poll = 0.0
        self._fetched_at = time.monotonic()
        """When a take was answered last, or there was no room for one."""
        self._last_end = 0.0
        self._poller = select.epoll()
        for part in (broker, pool, inbox, health):
            self._poller.register(part.fileno(), select.EPOLLIN)

    def run(self) -> ExitCode:
        """Turn until the life is over; the process's exit code."""
        while self._state is not State.DONE:
            readable = self._wait()
            now = time.monotonic()
            if self._inbox.fileno() in readable:
                self._heed_signals(now)
            if self._broker.fileno() in readable or now >= self._broker.next_deadline():
                self._receive_messages(now)
            if self._pool.fileno() in readable or now >= self._pool.next_deadline():
                self._receive_ends(now)
            self._admit_due()
            self._dispatch(now)
            self._settle()
            self._take(now)
            self._scale(now)
            self._grow_older(now)
            if self._health.fileno() in readable or now >= self._health.next_deadline():
                self._health.attend(now, self._condition())
            self._meters.turned(time.monotonic() - now)
        self._poller.close()
        return self._exit_code

    def _wait(self) -> set[int]:
        """Until something can be read, or the first deadline of anybody; which descriptors are."""
        now = time.monotonic()
        deadline = min(
            self._broker.next_deadline(),
            self._pool.next_deadline(),
            self._dispatcher.next_recall(),
            self._health.next_deadline(),
            self._autoscaler.next_deadline(),
            self._next_poll if self._state is State.RUNNING and not self._taking else float("inf"),
            self._next_stall(),
            self._deadline,
            now + max(0.0, self._nearly_due.next_due() - time.time()),
        )
        if self._pool.queued() >= LINGER_QUEUED * self._pool.slots():
            time.sleep(LINGER)
        return {descriptor for descriptor, _ in self._poller.poll(min(max(0.0, deadline - now), 5.0))}

    # Signals ------------------------------------------------------------------------------------

    def _heed_signals(self, now: float) -> None:
        for number in self._inbox.read():
            if number == signal.SIGHUP:
                logger.info("SIGHUP: restarting the children with fresh code")
                self._health.reloading(now)
                self._pool.restart()
            elif number == signal.SIGUSR1:
                logger.warning("SIGUSR1: the stacks of the supervisor, then of each busy child")
                faulthandler.dump_traceback(all_threads=True)
                self._pool.dump_stacks()
            else:
                self._change(lifecycle.after_signal(self._state, number), now)

    def _change(self, state: State, now: float) -> None:
        """Enter a state, once."""
        if state is self._state:
            return
        logger.info("Worker is %s", state.name.lower())
        self._state = state
        if state is State.DRAINING:
            self._deadline = now + self._grace
            self._give_back_waiting(now)
        elif state is State.KILLING:
            self._deadline = now + LAST_WORDS
            self._give_back_waiting(now)
        self._health.attend(now, self._condition())

    def _condition(self) -> Condition:
        running, idle = len(self._pool.running()), self._pool.idle()
        return Condition(
            state=self._state,
            loaded=self._manifest is not None,
            connected=self._lost_at is None,
            fetched_at=self._fetched_at,
            slots=self._pool.slots(),
            children=len(self._pool.pids()),
            staffed=bool(running or idle),
            ends_of_children=self._pool.ends(),
            running=running,
            waiting=len(self._dispatcher) + self._pool.queued(),
            reserved=len(self._ledger),
            unacked=sum(bool(reservation.tag) for reservation in self._ledger),
        )

    def _give_back_waiting(self, now: float) -> None:
        """Back to the head of their queues; the one that came first goes last, so that it is next."""
        waiting = [*self._dispatcher.clear(now), *self._nearly_due.clear()]
        self._give_back(waiting, "the worker stops")

    def _give_back(self, reservations: list[Reservation], why: str) -> None:
        for reservation in reversed(reservations):
            self._ledger.strike(reservation.id)
            self._settlements.append(self._settler.given_back(reservation))
        self._journal.gave_back(len(reservations), why)

    # Messages -----------------------------------------------------------------------------------

    def _receive_messages(self, now: float) -> None:
        received = self._broker.receive(now)
        if received.problem is not None:
            self._lose_broker(received.problem, now)
        if received.connected:
            if self._lost_at is not None:
                self._meters.reconnected()
            self._lost_at = None
        if received.evicted:
            self._leave_to_others(now)
        if received.fenced:
            self._journal.fenced(received.fenced)
            self._meters.fenced(len(received.fenced))
        if received.taken:
            self._fetched_at = now
            self._taking = False
            self._more = received.more
        if received.awake or received.connected:  # perhaps since that answer: never forgotten for it
            self._more = True
        self._journal.broker_said(received.refused, received.restored)
        self._meters.restored(received.restored)
        if received.deliveries:
            self._admit(received.deliveries, now)

    def _lose_broker(self, problem: BrokerError, now: float) -> None:
        """What runs goes on; its ends wait here for the next connection, until patience ends."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - self._lost_at < self._patience:
            logger.error("Broker: %s; reconnecting", problem)
            return
        logger.critical("Broker: %s; given up", problem)
        self._exit_code = ExitCode.BROKER_GONE
        self._change(State.KILLING, now)

    def _leave_to_others(self, now: float) -> None:
        """We were frozen or cut off for longer than our lease: what was delivered before is dropped or
        killed, and settled by those who have it now. Only what was acknowledged when it began goes on."""
        waiting = [*self._dispatcher.clear(now), *self._nearly_due.clear()]
        for reservation in waiting:
            self._ledger.strike(reservation.id)
        self._theirs = {reservation.id for reservation in self._ledger if reservation.tag}
        self._journal.evicted(len(waiting), len(self._theirs))

    def _kill_theirs(self) -> None:
        """Until each has ended: one that a child had read, but not begun, cannot be killed at once. Their
        ends are settled as any, and the broker's fence stops that."""
        self._theirs = {job for job in self._theirs if job in self._ledger}
        self._pool.kill([job for job in self._pool.running() if job in self._theirs])

    def _admit(self, deliveries: list[Delivery], now: float) -> None:
        assert self._manifest is not None, "nothing is taken before the children's code is loaded"
        epoch = time.time()
        ready: list[Reservation] = []
        held: list[tuple[str, float]] = []
        for delivery in deliveries:
            if delivery.held:
                self._meters.held(-1)
            entry = admit(delivery, self._manifest, self._ledger, self._settler, epoch)
            if isinstance(entry, Refused):
                self._settlements.append(entry.settlement)
                self._journal.refused(entry)
                self._meters.refused()
                continue
            entry.received = now
            if self._journal.tells_all and not delivery.held:
                self._journal.received(entry)
            eta = entry.task.eta
            if eta is None or eta <= epoch:
                ready.append(entry)
            elif delivery.held or eta <= epoch + NEAR:
                self._nearly_due.add(eta, entry)
            else:
                held.append((self._ledger.strike(entry.id).tag, eta))
        if held:
            self._broker.hold(held)
            self._meters.held(len(held))
        if self._state >= State.DRAINING:
            self._give_back(ready, "the worker stops")
        else:
            self._dispatcher.add(ready)

    def _admit_due(self) -> None:
        if self._nearly_due:
            self._dispatcher.add(self._nearly_due.due(time.time()))

    # Ends ---------------------------------------------------------------------------------------

    def _receive_ends(self, now: float) -> None:
        begun: dict[int, Reservation] = {}
        for event in self._pool.receive(now):
            if type(event) is Started:
                reservation = self._ledger[event.job]
                reservation.started = event.at
                self._dispatcher.begun(event.job)
                if not reservation.options.acks_late and event.job not in self._theirs:
                    begun[event.job] = reservation
            elif type(event) is Finished:
                begun.pop(event.job, None)
                self._finish(event)
            else:
                self._see(event)
        self._settlements.extend(self._settler.acknowledged(reservation) for reservation in begun.values())

    def _finish(self, event: Finished) -> None:
        """An early-ack task that began and ended within one turn is settled once, as a late one."""
        reservation = self._ledger.strike(event.job)
        seconds = event.at - (reservation.started or event.at)
        self._pace.note(reservation.task.name, seconds)
        self._last_end = event.at
        if not event.payload and not self._journal.tells_all:
            self._meters.ended(reservation, report.SUCCESS, event.at)
            if reservation.tag:
                self._settlements.append(Settlement(reservation.tag))
            return
        ended = report.decode(event.payload)
        self._journal.reported(reservation, ended, seconds)
        self._meters.ended(reservation, ended.state, event.at)
        self._settle_end(reservation, lambda: self._settler.reported(reservation, ended))

    def _settle_end(self, reservation: Reservation, settled: Callable[[], Settlement]) -> None:
        try:
            self._settlements.append(settled())
        except Exception as error:  # noqa: BLE001  (one message must not stop the worker, and the next one after it)
            self._journal.unsettleable(reservation, error)
            self._settlements.append(self._settler.unsettleable(reservation, error))

    def _see(self, event: Event) -> None:
        """What is rare."""
        if isinstance(event, TimedOut):
            reservation = self._ledger.strike(event.job)
            self._journal.timed_out(reservation, event)
            self._meters.ended(reservation, "TIMED_OUT", time.monotonic())
            self._settle_end(reservation, lambda: self._settler.timed_out(reservation, event))
        elif isinstance(event, Lost):
            self._lose(event)
        elif isinstance(event, Booted):
            self._manifest = manifest.read(event.hello)
            self._journal.ready(len(self._manifest))
            self._health.reloaded()
        elif isinstance(event, ChildFailed):
            self._journal.child_failed(event)
            self._health.reloaded()
            if event.fatal:
                self._exit_code = ExitCode.CHILDREN
                self._change(State.KILLING, time.monotonic())

    def _lose(self, event: Lost) -> None:
        reservation = self._ledger.strike(event.job)
        if self._state is State.KILLING:
            self._settle_end(reservation, lambda: self._settler.abandoned(reservation))
            return
        verdict = self._settler.loss(reservation)
        self._journal.lost(reservation, event, verdict)
        self._meters.lost(reservation, verdict, time.monotonic())
        self._settle_end(reservation, lambda: self._settler.lost(reservation, event))

    # Giving out and asking for more ---------------------------------------------------------------

    def _dispatch(self, now: float) -> None:
        self._starting = self._may_start(now)
        if not self._starting:
            self._dispatcher.retract(now)
            return
        self._dispatcher.recall(now)
        if not self._dispatcher:
            return
        if self._dispatcher.dispatch():
            self._last_end = now
        elif self._stalled(now) and self._multiplier is None:
            self._give_back(self._dispatcher.give_up(), "every slot is busy for long")

    def _may_start(self, now: float) -> bool:
        """Not what may be another worker's by now, nor more than the broker's absence leaves room for."""
        unsettled = self._broker.pending()
        if unsettled < self._max_unsettled:
            return self._broker.leased(now)
        if self._starting:
            self._journal.waits(unsettled)
        return False

    def _next_stall(self) -> float:
        """When what waits here has waited long enough to be given back; inf: it stays."""
        if not (self._dispatcher and self._starting) or self._multiplier is not None:
            return float("inf")
        return self._last_end + STALLED

    def _stalled(self, now: float) -> bool:
        return now - self._last_end >= STALLED and not self._pool.idle()

    def _settle(self) -> None:
        if self._settlements:
            self._broker.settle(self._settlements)
            self._meters.settled(self._settlements)
            self._settlements = []

    def _take(self, now: float) -> None:
        if self._taking or self._state is not State.RUNNING or self._manifest is None:
            return
        if not self._more and now < self._next_poll:
            return
        limit = prefetch.wanted(
            idle=self._pool.idle(),
            waiting=len(self._dispatcher) + self._pool.queued(),
            rate=0.0 if self._stalled(now) else self._pace.rate(now),
            slots=self._pool.slots(),
            multiplier=self._multiplier,
            unsettled=len(self._ledger) - len(self._nearly_due),
        )
        self._next_poll = now + POLL
        if limit:
            self._broker.take(limit)
            self._taking = True
        else:
            self._fetched_at = now

    def _scale(self, now: float) -> None:
        if self._state is State.RUNNING:
            self._autoscaler.attend(len(self._dispatcher) + self._pool.queued(), now)

    def _grow_older(self, now: float) -> None:
        unsettled = len(self._ledger) + self._broker.pending() + self._taking
        self._change(lifecycle.after_turn(self._state, self._deadline, now, unsettled), now)
        if self._theirs:
            self._kill_theirs()
        if self._state is State.KILLING:
            self._pool.kill(list(self._pool.running()))
