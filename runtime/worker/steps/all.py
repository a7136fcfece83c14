"""The steps of both blueprints. They start in this order, but for what they require."""

from __future__ import annotations

from typing import Any

from runtime.bootsteps.step import Step
from runtime.worker.steps.consumer import BrokerStep, ConnectionStep, ConsumerStep, TasksStep
from runtime.worker.steps.control import ControlStep, MailboxStep, PanelStep
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.loop import HubStep, SignalsStep, TimerStep
from runtime.worker.steps.pool import AutoscalerStep, CoreStep, PoolStep
from runtime.worker.steps.probes import ProbesStep

WORKER: tuple[type[Step[Any]], ...] = (
    HubStep,
    TimerStep,
    SignalsStep,
    HealthStep,
    PoolStep,
    CoreStep,
    ProbesStep,
    AutoscalerStep,
    BrokerStep,
    MailboxStep,
    PanelStep,
    ConsumerStep,
)
CONSUMER: tuple[type[Step[Any]], ...] = (
    ConnectionStep,
    ControlStep,
    TasksStep,
)
