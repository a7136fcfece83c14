"""Mail; Mingle, Events, Gossip, Heart: what this worker hears of others, and tells them."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

from brokers.interface import Binding
from brokers.registry import open_mailbox
from runtime.bootsteps.attendant import Attendant
from runtime.bootsteps.step import Parts, Step
from runtime.remote import command
from runtime.worker.events.gossip import Gossip
from runtime.worker.events.heart import Heart
from runtime.worker.events.mingle import Mingle
from runtime.worker.events.outbox import Posting
from runtime.worker.lifecycle import State
from runtime.worker.mail import Mail
from runtime.worker.plan import Plan
from runtime.worker.steps.consumer import ConnectionStep
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep
from runtime.worker.steps.pool import CoreStep

A = TypeVar("A", bound=Attendant)

LEAVE_TIMEOUT = 0.5
"""Seconds to say what is still to be said."""


class AttendantStep(Step[A], Generic[A]):
    """One that attends the hub from its start to its stop."""

    def start(self, parts: Parts) -> A:
        attendant = self.make(parts)
        self._hub = parts[HubStep]
        self._hub.attach(attendant)
        return attendant

    def make(self, parts: Parts) -> A:
        raise NotImplementedError(f"{type(self).__qualname__}.make")

    def stop(self, part: A) -> None:
        self._hub.detach(part)


class MailStep(AttendantStep[Mail]):
    """One connection for remote control and events, as long as the worker lasts."""

    name = "Mail"
    requires = (HubStep, HealthStep)

    def make(self, parts: Parts) -> Mail:
        conf = parts.plan.app.conf
        bindings = []
        if conf.worker_enable_remote_control:
            exchange = command.exchange(conf.control_exchange)
            bindings.append(Binding(exchange, "", f"{parts.plan.node}.{exchange}"))
        mailbox = open_mailbox(conf.broker_url, conf.broker_transport_options, bindings=bindings)
        return Mail(mailbox, parts[HealthStep].meters())

    def stop(self, part: Mail) -> None:
        super().stop(part)
        part.mailbox.close(timeout=LEAVE_TIMEOUT)


class MingleStep(AttendantStep[Mingle]):
    """The other workers are asked what is revoked."""

    name = "Mingle"
    requires = (ConnectionStep,)

    def enabled(self, plan: Plan) -> bool:
        return "mingle" not in plan.options.without

    def make(self, parts: Parts) -> Mingle:
        return Mingle(parts[MailStep], parts.plan.app.conf.control_exchange, parts[CoreStep])

    def stop(self, part: Mingle) -> None:
        super().stop(part)
        part.stop()


class EventsStep(AttendantStep[Posting]):
    """What is in the outbox is said; without a connection it gathers there."""

    name = "Events"
    requires = (ConnectionStep,)

    def make(self, parts: Parts) -> Posting:
        return Posting(parts[CoreStep].outbox, parts[MailStep].mailbox)

    def stop(self, part: Posting) -> None:
        super().stop(part)
        part.attend(time.monotonic())


class GossipStep(AttendantStep[Gossip]):
    """The other workers are listened to."""

    name = "Gossip"
    requires = (EventsStep,)

    def enabled(self, plan: Plan) -> bool:
        return "gossip" not in plan.options.without

    def make(self, parts: Parts) -> Gossip:
        core = parts[CoreStep]
        app, mail = parts.plan.app, parts[MailStep]
        return Gossip(app, mail, core.outbox, core.origin, core.elections, time.monotonic())

    def stop(self, part: Gossip) -> None:
        super().stop(part)
        part.stop()


class HeartStep(AttendantStep[Heart]):
    """The others are told that this worker lives; in the end, that it does not any more."""

    name = "Heart"
    requires = (EventsStep,)

    def enabled(self, plan: Plan) -> bool:
        return "heartbeat" not in plan.options.without

    def make(self, parts: Parts) -> Heart:
        self._life = parts[CoreStep].life
        return Heart(parts[CoreStep].pulse, time.monotonic())

    def stop(self, part: Heart) -> None:
        super().stop(part)
        if self._life.state is State.DONE:  # else the connection is lost, and comes back
            part.stop()
