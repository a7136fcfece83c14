"""Pool, Core, Autoscaler: where tasks run, and what they go through."""

from __future__ import annotations

import logging

from pools.interface import ChildOptions, Pool
from pools.registry import open_pool
from runtime.bootsteps.step import Parts, Step
from runtime.errors import ImproperlyConfigured
from runtime.worker.autoscale import Autoscaler
from runtime.worker.child import boot_argument
from runtime.worker.core import Core
from runtime.worker.plan import Plan
from runtime.worker.revoked import Revoked
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep, SignalsStep
from runtime.worker.steps.statedb import StateDBStep

logger = logging.getLogger("runtime.worker")

STOP_TIMEOUT = 2.0
"""Seconds that idle children get to leave."""


class PoolStep(Step[Pool]):
    name = "Pool"
    requires = (SignalsStep, HealthStep)

    def start(self, parts: Parts) -> Pool:
        plan = parts.plan
        try:
            pool = open_pool(plan.size.kind, plan.size.slots, children(plan), plan.size.processes)
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from error
        if plan.size.kind == "solo":
            from pools.solo import CAVEATS

            logger.warning("Pool solo: %s", CAVEATS)
        pool.start()
        return pool

    def stop(self, part: Pool) -> None:
        part.stop(timeout=STOP_TIMEOUT)


def children(plan: Plan) -> ChildOptions:
    options, conf = plan.options, plan.app.conf
    return ChildOptions(
        boot=options.children.boot,
        boot_argument=boot_argument(options, plan.size.kind, plan.size.slots),
        before_fork=options.children.before_fork,
        after_fork=options.children.after_fork,
        max_tasks=options.max_tasks_per_child or conf.worker_max_tasks_per_child,
        max_memory=options.max_memory_per_child or conf.worker_max_memory_per_child,
        max_lifetime=options.max_lifetime_per_child or conf.worker_max_lifetime_per_child,
        boot_timeout=conf.worker_proc_alive_timeout,
    )


class CoreStep(Step[Core]):
    name = "Core"
    requires = (PoolStep, HealthStep, StateDBStep)

    def start(self, parts: Parts) -> Core:
        revoked = Revoked(parts.get(StateDBStep))
        return Core(parts.plan, parts[PoolStep], parts[HealthStep].meters(), revoked)


class AutoscalerStep(Step[Autoscaler]):
    name = "Autoscaler"
    requires = (HubStep, CoreStep)

    def enabled(self, plan: Plan) -> bool:
        return plan.size.bounds is not None

    def start(self, parts: Parts) -> Autoscaler:
        bounds = parts.plan.size.bounds
        assert bounds is not None, "not enabled without"
        autoscaler = Autoscaler(parts[CoreStep], bounds)
        parts[HubStep].attach(autoscaler)
        return autoscaler
