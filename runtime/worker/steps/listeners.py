"""Listeners: what steps of users that have a queue of their own start with."""

from __future__ import annotations

from runtime.bootsteps.step import Parts, Step
from runtime.worker.listener import Listeners
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep


class ListenersStep(Step[Listeners]):
    name = "Listeners"
    requires = (HubStep, HealthStep)

    def start(self, parts: Parts) -> Listeners:
        return Listeners(parts.plan, parts[HubStep], parts[HealthStep].meters())
