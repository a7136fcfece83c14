"""Beat: periodic tasks are sent beside the worker."""

from __future__ import annotations

from runtime.beat import memory
from runtime.beat.entries import entries
from runtime.bootsteps.step import Parts, Step
from runtime.worker.beat import BeatProcess
from runtime.worker.options import OURS
from runtime.worker.plan import Plan
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep
from runtime.worker.steps.pool import CoreStep


class BeatStep(Step[BeatProcess]):
    """After Health, which takes the service manager's variables out of the environment."""

    name = "Beat"
    requires = (HubStep, HealthStep, CoreStep)

    def enabled(self, plan: Plan) -> bool:
        return plan.options.beat

    def start(self, parts: Parts) -> BeatProcess:
        plan = parts.plan
        if plan.options.children is OURS:  # what is wrong ends the start
            entries(plan.app)
            memory.check(plan.options.schedule_filename or plan.app.conf.beat_schedule_filename)
        beat = BeatProcess(plan.options, parts[CoreStep].life)
        parts[HubStep].attach(beat)
        return beat

    def stop(self, part: BeatProcess) -> None:
        part.close()
