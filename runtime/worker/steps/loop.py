"""Timer, Hub, Signals: what the loop turns around."""

from __future__ import annotations

from runtime.bootsteps.step import Parts, Step
from runtime.worker.hub import Hub
from runtime.worker.signals import SignalInbox
from runtime.worker.timer import Timer


class HubStep(Step[Hub]):
    name = "Hub"

    def start(self, parts: Parts) -> Hub:
        return Hub()

    def stop(self, part: Hub) -> None:
        part.close()


class TimerStep(Step[Timer]):
    name = "Timer"
    requires = (HubStep,)

    def start(self, parts: Parts) -> Timer:
        timer = Timer()
        parts[HubStep].attach(timer)
        return timer


class SignalsStep(Step[SignalInbox]):
    name = "Signals"
    requires = (HubStep,)

    def start(self, parts: Parts) -> SignalInbox:
        inbox = SignalInbox()
        parts[HubStep].watch(inbox.fileno())
        return inbox

    def stop(self, part: SignalInbox) -> None:
        part.close()
