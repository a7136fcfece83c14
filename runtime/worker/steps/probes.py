"""Probes: from here on who asks how the worker is gets an answer."""

from __future__ import annotations

from runtime.bootsteps.step import Parts, Step
from runtime.worker.health.watch import Watch
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep
from runtime.worker.steps.pool import CoreStep


class ProbesStep(Step[Watch]):
    name = "Probes"
    requires = (HubStep, HealthStep, CoreStep)

    def start(self, parts: Parts) -> Watch:
        watch = Watch(parts[HealthStep], parts[CoreStep])
        parts[HubStep].attach(watch)
        return watch
