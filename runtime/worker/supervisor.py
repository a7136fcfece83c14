"""The supervisor's loop: everything that happens in a worker, in the order of `runtime.worker`'s table."""

from __future__ import annotations

import faulthandler
import logging
import select
import signal
import time
from typing import TYPE_CHECKING

from brokers.interface import BrokerError, Consumer, Delivery, Mailbox, Settlement
from pools.interface import Booted, ChildFailed, Pool
from runtime.execution import manifest
from runtime.execution.manifest import Manifest
from runtime.worker.absence import Absence
from runtime.worker.autoscale import Autoscaler
from runtime.worker.commands.panel import Panel
from runtime.worker.commands.view import WorkerView
from runtime.worker.exitcodes import ExitCode
from runtime.worker.health.health import Health
from runtime.worker.health.observe import observe
from runtime.worker.journal import Journal
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.lifecycle import Life, State
from runtime.worker.pipeline import prefetch
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.ends import Ends
from runtime.worker.pipeline.fetch import Fetcher
from runtime.worker.pipeline.hold import NearlyDue
from runtime.worker.pipeline.intake import Intake
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.revoked import Revoked
from runtime.worker.signals import SignalInbox

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.worker.start import Plan

logger = logging.getLogger("runtime.worker")

LINGER = 0.001
"""Seconds to let ends gather while every child has quick jobs queued ahead: nobody waits for us, and
a turn costs the same for one end as for fifty."""
LINGER_QUEUED = 4
"""Jobs queued ahead per slot from which on that is so."""


class Supervisor:
    """Single-threaded; made and run by `runtime.worker.start`."""

    def __init__(
        self,
        app: App,
        planned: Plan,
        broker: Consumer,
        mailbox: Mailbox | None,
        pool: Pool,
        inbox: SignalInbox,
        health: Health,
        dispatcher: Dispatcher,
        pace: Pace,
        settler: Settler,
        autoscaler: Autoscaler,
    ) -> None:
        self._broker = broker
        self._pool = pool
        self._inbox = inbox
        self._health = health
        self._meters = health.meters()
        self._autoscaler = autoscaler
        self._journal = Journal()
        self._life = Life(planned.grace)
        self._absence = Absence(planned.patience)
        self._ledger = Ledger()
        self._nearly_due = NearlyDue()
        revoked = Revoked()
        self._intake = Intake(self._ledger, self._nearly_due, settler, revoked, self._journal, self._meters)
        self._dispatcher = dispatcher
        self._ends = Ends(self._ledger, dispatcher, pace, settler, self._journal, self._meters)
        self._settler = settler
        self._fetcher = Fetcher(broker, time.monotonic())
        self._pace = pace
        self._multiplier = planned.multiplier
        self._gives_back = planned.multiplier is None
        """What finds every slot busy for long goes back to its queue."""
        self._max_unsettled = planned.max_unsettled
        """Settlements that may wait for the broker; at that bound no task is started."""
        owners = (broker, pool, self._ledger, self._nearly_due, dispatcher, settler, revoked)
        self._panel = Panel(mailbox, WorkerView(app, planned, *owners))
        self._manifest: Manifest | None = None
        self._settlements: list[Settlement] = []
        self._starting = True
        """Tasks may be started."""
        self._poller = select.epoll()
        for part in (broker, pool, inbox, health, self._panel):
            self._poller.register(part.fileno(), select.EPOLLIN)

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
            if self._panel.fileno() in readable or now >= self._panel.next_deadline():
                self._settlements += self._panel.obey(now)
            self._admit_due()
            self._dispatch(now)
            self._settle()
            self._take(now)
            self._scale(now)
            self._grow_older(now)
            if self._health.fileno() in readable or now >= self._health.next_deadline():
                self._attend_health(now)
            self._meters.turned(time.monotonic() - now)
        self._panel.close()
        self._poller.close()
        return self._life.exit_code

    def _wait(self) -> set[int]:
        """Until something can be read, or the first deadline of anybody; which descriptors are."""
        now = time.monotonic()
        deadline = min(
            self._broker.next_deadline(),
            self._pool.next_deadline(),
            self._dispatcher.next_recall(),
            self._health.next_deadline(),
            self._autoscaler.next_deadline(),
            self._panel.next_deadline(),
            self._fetcher.next_poll() if self._may_take() else float("inf"),
            self._dispatcher.next_stall() if self._starting and self._gives_back else float("inf"),
            self._life.deadline,
            now + max(0.0, self._nearly_due.next_due() - time.time()),
        )
        if self._pool.queued() >= LINGER_QUEUED * self._pool.slots():
            time.sleep(LINGER)
        return {descriptor for descriptor, _ in self._poller.poll(min(max(0.0, deadline - now), 5.0))}

    # Life -----------------------------------------------------------------------------------------

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
            elif self._life.heed(number, now):
                self._begin_state(now)

    def _fail(self, code: ExitCode, now: float) -> None:
        if self._life.fail(code, now):
            self._begin_state(now)

    def _begin_state(self, now: float) -> None:
        """What is to be done once on entering it."""
        if self._life.state in (State.DRAINING, State.KILLING):
            self._give_back([*self._dispatcher.clear(now), *self._nearly_due.clear()], "the worker stops")
        self._attend_health(now)

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

    def _attend_health(self, now: float) -> None:
        owners = (self._life, self._absence, self._pool, self._ledger, self._dispatcher, self._fetcher)
        if self._health.attend(now, observe(*owners, loaded=self._manifest is not None)):
            self._broker.measure()

    # Messages -----------------------------------------------------------------------------------

    def _receive_messages(self, now: float) -> None:
        received = self._broker.receive(now)
        if received.problem is not None:
            self._lose_broker(received.problem, now)
        if received.connected and self._absence.end():
            self._meters.reconnected()
        if received.evicted:
            self._leave_to_others(now)
        if received.fenced:
            self._journal.fenced(received.fenced)
            self._meters.fenced(len(received.fenced))
        if received.taken:
            self._fetcher.answered(received.more, now)
        if received.awake or received.connected:  # perhaps since that answer: never forgotten for it
            self._fetcher.alarm()
        if received.backlog is not None:
            self._health.told(received.backlog, now)
        if received.namesakes:
            self._journal.namesakes(received.namesakes)
        if received.held is not None:
            self._panel.told(received.held)
        self._journal.broker_said(received.refused, received.restored)
        self._meters.restored(received.restored)
        if received.deliveries:
            self._admit(received.deliveries, now)

    def _lose_broker(self, problem: BrokerError, now: float) -> None:
        """What runs goes on; its ends wait here for the next connection, until patience ends."""
        if self._absence.goes_on(now):
            logger.error("Broker: %s; reconnecting", problem)
            return
        logger.critical("Broker: %s; given up", problem)
        self._fail(ExitCode.BROKER_GONE, now)

    def _leave_to_others(self, now: float) -> None:
        """We were frozen or cut off for longer than our lease: what was delivered before is dropped or
        killed, and settled by those who have it now. Only what was acknowledged when it began goes on."""
        waiting = [*self._dispatcher.clear(now), *self._nearly_due.clear()]
        for reservation in waiting:
            self._ledger.strike(reservation.id)
        self._journal.evicted(len(waiting), self._ledger.leave_to_others())

    def _kill_theirs(self) -> None:
        """Until each has ended: one that a child had read, but not begun, cannot be killed at once. Their
        ends are settled as any, and the broker's fence stops that."""
        theirs = self._ledger.still_theirs()
        self._pool.kill([job for job in self._pool.running() if job in theirs])

    def _admit(self, deliveries: list[Delivery], now: float) -> None:
        assert self._manifest is not None, "nothing is taken before the children's code is loaded"
        ready, far, settlements = self._intake.admit(deliveries, self._manifest, now)
        self._settlements += settlements
        if far:
            self._broker.hold(far)
        if self._life.state >= State.DRAINING:
            self._give_back(ready, "the worker stops")
        else:
            self._dispatcher.add(ready)

    def _admit_due(self) -> None:
        if self._nearly_due:
            self._dispatcher.add(self._nearly_due.due(time.time()))

    # Ends ---------------------------------------------------------------------------------------

    def _receive_ends(self, now: float) -> None:
        events = self._pool.receive(now)
        settlements, others = self._ends.settlements(events, self._life.state is State.KILLING)
        self._settlements += settlements
        for event in others:
            self._heed_children(event, now)

    def _heed_children(self, event: Booted | ChildFailed, now: float) -> None:
        self._health.reloaded()
        if isinstance(event, Booted):
            self._manifest = manifest.read(event.hello)
            self._panel.loaded(self._manifest, manifest.read_commands(event.hello))
            self._journal.ready(len(self._manifest))
        else:
            self._journal.child_failed(event)
            if event.fatal:
                self._fail(ExitCode.CHILDREN, now)

    # Giving out, giving back, asking for more -----------------------------------------------------

    def _dispatch(self, now: float) -> None:
        self._starting = self._may_start(now)
        if not self._starting:
            self._dispatcher.retract(now)
            return
        self._dispatcher.recall(now)
        if not self._dispatcher or self._dispatcher.dispatch(now) or not self._gives_back:
            return
        if self._dispatcher.stalled(now):
            self._give_back(self._dispatcher.give_up(), "every slot is busy for long")

    def _may_start(self, now: float) -> bool:
        """Not what may be another worker's by now, nor more than the broker's absence leaves room for."""
        unsettled = self._broker.pending()
        if unsettled < self._max_unsettled:
            return self._broker.leased(now)
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
            self._fetcher.take(self._wanted(now), now)

    def _may_take(self) -> bool:
        """Not before the children's code is loaded: it tells which tasks there are."""
        return self._life.state is State.RUNNING and self._manifest is not None

    def _wanted(self, now: float) -> int:
        return prefetch.wanted(
            idle=self._pool.idle(),
            waiting=self._dispatcher.ready() + self._pool.queued(),
            rate=0.0 if self._dispatcher.stalled(now) else self._pace.rate(now),
            slots=self._pool.slots(),
            multiplier=self._multiplier,
            unsettled=len(self._ledger) - len(self._nearly_due),
        )

    def _scale(self, now: float) -> None:
        if self._life.state is State.RUNNING:
            self._autoscaler.attend(self._dispatcher.ready() + self._pool.queued(), now)
