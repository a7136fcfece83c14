"""The supervisor's loop: everything that happens in a worker, in the order of `runtime.worker`'s table."""

from __future__ import annotations

import faulthandler
import logging
import signal
import time

from brokers.interface import BrokerError, Delivery, Settlement
from pools.interface import Booted, ChildFailed
from runtime.bootsteps.step import Parts
from runtime.worker.blueprint import Blueprint, StepFailed
from runtime.worker.exitcodes import ExitCode
from runtime.worker.ledger import Reservation
from runtime.worker.lifecycle import State
from runtime.worker.pipeline import prefetch
from runtime.worker.pipeline.intake import Admitted
from runtime.worker.steps.consumer import BrokerStep
from runtime.worker.steps.loop import HubStep, SignalsStep
from runtime.worker.steps.pool import CoreStep, PoolStep

logger = logging.getLogger("runtime.worker")


class Supervisor:
    """Single-threaded; made and run by `runtime.worker.start`."""

    def __init__(self, parts: Parts, consumer: Blueprint) -> None:
        """`parts`: of the worker blueprint, started. `consumer`: is started with each connection, and
        stopped when it is lost."""
        core, plan = parts[CoreStep], parts.plan
        self._consumer = consumer
        self._parts = parts
        self._broker = parts[BrokerStep]
        self._pool = parts[PoolStep]
        self._inbox = parts[SignalsStep]
        self._hub = parts[HubStep]
        self._meters = core.meters
        self._journal = core.journal
        self._announcer = core.announcer
        self._life = core.life
        self._absence = core.absence
        self._code = core.code
        self._inquiry = core.inquiry
        self._ledger = core.ledger
        self._nearly_due = core.nearly_due
        self._limits = core.limits
        self._intake = core.intake
        self._dispatcher = core.dispatcher
        self._ends = core.ends
        self._settler = core.settler
        self._fetcher = core.fetcher
        self._pace = core.pace
        self._multiplier = plan.multiplier
        self._gives_back = plan.multiplier is None
        """What finds every slot busy for long goes back to its queue."""
        self._max_unsettled = plan.max_unsettled
        self._settlements: list[Settlement] = []
        self._starting = True
        """Tasks may be started."""
        self._sent_away = 0
        """Of the messages that came last, how many have to wait elsewhere."""
        self._hub.watch(self._broker.fileno())
        self._hub.watch(self._pool.fileno())

    def run(self) -> ExitCode:
        """Turn until the life is over; the process's exit code."""
        while self._life.state is not State.DONE:
            readable = self._wait()
            now = time.monotonic()
            if self._inbox.fileno() in readable:
                self._heed_signals(now)
            if self._broker.fileno() in readable or now >= self._broker.next_deadline():
                self._receive_messages(now)
            if self._pool.fileno() in readable or now >= self._pool.next_deadline():
                self._receive_ends(now)
            self._settlements += self._hub.attend(readable, now)
            self._admit_due(now)
            self._dispatch(now)
            self._settle()
            self._take(now)
            self._inquiry.ask(self._broker)
            self._grow_older(now)
            self._meters.turned(time.monotonic() - now)
        return self._life.exit_code

    def _wait(self) -> set[int]:
        """Until something can be read, or the first deadline of anybody; which descriptors are."""
        now = time.monotonic()
        deadline = min(
            self._broker.next_deadline(),
            self._pool.next_deadline(),
            self._dispatcher.next_recall(),
            self._fetcher.next_poll() if self._may_take() else float("inf"),
            self._dispatcher.next_stall() if self._starting and self._gives_back else float("inf"),
            self._life.deadline,
            now + max(0.0, self._nearly_due.next_due() - time.time()),
            self._limits.next_due(now) if self._may_begin(now) else float("inf"),
        )
        leisure = prefetch.leisure(
            self._pool.queued(), self._pool.slots() / self._pool.width(), self._pace.rate(now)
        )
        if leisure:
            time.sleep(leisure)
        return self._hub.wait(deadline)

    # Life -----------------------------------------------------------------------------------------

    def _heed_signals(self, now: float) -> None:
        for number in self._inbox.read():
            if number == signal.SIGHUP:
                logger.info("SIGHUP: restarting the children with fresh code")
                self._code.reload()
                self._pool.restart()
            elif number == signal.SIGUSR1:
                logger.warning("SIGUSR1: the stacks of the supervisor, then of each busy child")
                faulthandler.dump_traceback(all_threads=True)
                self._pool.dump_stacks()
            elif self._life.heed(number, now):
                self._begin_state(now, signal.Signals(number).name)

    def _fail(self, code: ExitCode, now: float) -> None:
        if self._life.fail(code, now):
            self._begin_state(now)

    def _begin_state(self, now: float, sig: str | None = None) -> None:
        """What is to be done once on entering it. sig: the signal's name that was the cause."""
        self._fetcher.rest()
        self._broker.expect(0)
        if self._life.state in (State.DRAINING, State.KILLING):
            self._announcer.shutting_down(sig, self._life.state is State.DRAINING, self._life.exit_code)
            self._give_back(self._clear(now), "the worker stops")
        if self._life.state is State.DRAINING:
            self._journal.drains(len(self._pool.running()))

    def _grow_older(self, now: float) -> None:
        if self._ledger.theirs:
            self._kill_theirs()
        if self._life.state < State.DRAINING:
            return
        unconfirmed = self._broker.pending() + self._fetcher.taking
        if self._life.turn(len(self._ledger), unconfirmed, now):
            self._begin_state(now)
        if self._life.state is State.KILLING:
            self._pool.kill(list(self._pool.running()))

    # Messages -----------------------------------------------------------------------------------

    def _receive_messages(self, now: float) -> None:
        received = self._broker.receive(now)
        if received.problem is not None:
            self._lose_broker(received.problem, now)
        if received.connected:
            self._gain_broker(now)
        if received.evicted:
            self._leave_to_others(now)
        if received.fenced:
            self._journal.fenced(received.fenced)
            self._meters.fenced(len(received.fenced))
        if received.taken:
            self._fetcher.answered(received.more, now)
        if received.taking:
            self._fetcher.began(now)
        if received.awake or received.connected:  # perhaps since that answer: never forgotten for it
            self._fetcher.alarm()
        self._inquiry.answered(received)
        if received.namesakes:
            self._journal.namesakes(received.namesakes)
        self._journal.broker_said(received.refused, received.restored)
        self._meters.restored(received.restored)
        if received.sighted:
            self._settlements += self._intake.withdraw_held(received.sighted)
        if received.deliveries:
            self._admit(received.deliveries, now)

    def _lose_broker(self, problem: BrokerError, now: float) -> None:
        """What runs goes on; its ends wait here for the next connection, until patience ends."""
        self._consumer.stop()
        if self._absence.goes_on(now):
            logger.error("Broker: %s; reconnecting", problem)
            return
        logger.critical("Broker: %s; given up", problem)
        self._fail(ExitCode.BROKER_GONE, now)

    def _gain_broker(self, now: float) -> None:
        if self._absence.end():
            self._meters.reconnected()
        self._consumer.stop()  # it may have gone and come back between two turns
        try:
            self._consumer.start(Parts(self._parts.plan, self._parts))
        except StepFailed as failed:
            logger.critical("%s: the worker stops", failed, exc_info=failed.cause)
            if self._life.leave(ExitCode.STEP_FAILED, now):
                self._begin_state(now)

    def _leave_to_others(self, now: float) -> None:
        """We were frozen or cut off for longer than our lease: what was delivered before is dropped or
        killed, and settled by those who have it now. Only what was acknowledged when it began goes on."""
        waiting = self._clear(now)
        for reservation in waiting:
            self._ledger.strike(reservation.id)
        self._journal.evicted(len(waiting), self._ledger.leave_to_others())

    def _kill_theirs(self) -> None:
        """Until each has ended: one that a child had read, but not begun, cannot be killed at once. Their
        ends are settled as any, and the broker's fence stops that."""
        theirs = self._ledger.still_theirs()
        self._pool.kill([job for job in self._pool.running() if job in theirs])

    def _admit(self, deliveries: list[Delivery], now: float) -> None:
        admitted = self._intake.admit(deliveries, self._code.manifest, now)
        self._sent_away = len(admitted.far)
        self._place(admitted, now)

    def _admit_due(self, now: float) -> None:
        if self._nearly_due or self._limits:
            self._place(self._intake.admit_due(self._may_begin(now), now), now)
        if self._limits.rouses(now):
            self._broker.rouse()

    def _place(self, admitted: Admitted, now: float) -> None:
        """Each where it waits, or ends."""
        self._settlements += admitted.settlements
        if admitted.far:
            self._broker.hold(admitted.far)
        self._dispatcher.add(admitted.ready, now)
        if self._life.state >= State.DRAINING:
            self._give_back(self._clear(now), "the worker stops")

    def _may_begin(self, now: float) -> bool:
        """What has a rate limit waits for a slot where it waits for its turn: given back to its queue, it
        would lose that."""
        return self._starting and not self._dispatcher.stalled(now)

    def _clear(self, now: float) -> list[Reservation]:
        """Take out all that has not begun."""
        return [*self._dispatcher.clear(now), *self._limits.clear(), *self._nearly_due.clear()]

    # Ends ---------------------------------------------------------------------------------------

    def _receive_ends(self, now: float) -> None:
        events = self._pool.receive(now)
        settlements, others = self._ends.settlements(events, self._life.state is State.KILLING)
        self._settlements += settlements
        for event in others:
            self._heed_children(event, now)

    def _heed_children(self, event: Booted | ChildFailed, now: float) -> None:
        if isinstance(event, Booted):
            self._code.loaded(event.hello)
            self._limits.load(self._code.manifest)
            self._journal.ready(self._code.manifest)
            if self._code.loads == 1:
                self._announcer.ready()
        else:
            self._code.failed()
            self._journal.child_failed(event)
            if event.fatal:
                self._fail(ExitCode.USAGE if event.refused else ExitCode.CHILDREN, now)

    # Giving out, giving back, asking for more -----------------------------------------------------

    def _dispatch(self, now: float) -> None:
        self._starting = self._may_start(now)
        if not self._starting:
            self._dispatcher.retract(now)
            return
        self._dispatcher.recall(now)
        if not self._dispatcher:
            return
        self._dispatcher.dispatch(now)
        if self._gives_back and (self._dispatcher.stalled(now) or self._dispatcher.overdue(now)):
            self._give_back(self._dispatcher.give_up(), "every slot is busy for long")

    def _may_start(self, now: float) -> bool:
        """Not what may be another worker's by now, nor more than the broker's absence leaves room for."""
        unsettled = self._broker.pending()
        if unsettled < self._max_unsettled:
            return self._broker.leased(time.monotonic())  # we may have stood still since `now`
        if self._starting:
            self._journal.waits(unsettled)
        return False

    def _give_back(self, reservations: list[Reservation], why: str) -> None:
        """To the heads of their queues; the one that came first goes last, so that it is next."""
        for reservation in reversed(reservations):
            self._ledger.strike(reservation.id)
            self._settlements.append(self._settler.given_back(reservation))
        self._journal.gave_back(len(reservations), why)

    def _settle(self) -> None:
        if self._settlements:
            self._broker.settle(self._settlements)
            self._meters.settled(self._settlements)
            self._settlements = []

    def _take(self, now: float) -> None:
        if self._may_take() and self._fetcher.is_due(now):
            limit = self._wanted(now)
            if self._fetcher.asks(limit, now):
                self._broker.take(limit)
            else:
                self._broker.expect(limit)

    def _may_take(self) -> bool:
        """Not before the children's code is loaded: it tells which tasks there are."""
        return self._life.state is State.RUNNING and self._code.loads > 0

    def _wanted(self, now: float) -> int:
        return prefetch.wanted(
            idle=self._pool.idle(),
            waiting=self._dispatcher.ready() + self._pool.ahead(),
            rate=0.0 if self._dispatcher.stalled(now) else self._pace.rate(now),
            slots=self._pool.slots(),
            multiplier=self._multiplier,
            unsettled=len(self._ledger) - len(self._nearly_due) - len(self._limits),
            sent_away=self._sent_away,
        )
