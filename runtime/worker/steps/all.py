"""The steps of both blueprints. They start in this order, but for what they require."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.bootsteps.step import Step
from runtime.worker.blueprint import Blueprint
from runtime.worker.steps.agent import AgentStep
from runtime.worker.steps.beat import BeatStep
from runtime.worker.steps.consumer import BrokerStep, ConnectionStep, ConsumerStep, EvloopStep, TasksStep
from runtime.worker.steps.control import ControlStep, PanelStep
from runtime.worker.steps.events import EventsStep, GossipStep, HeartStep, MailStep, MingleStep
from runtime.worker.steps.health import HealthStep
from runtime.worker.steps.listeners import ListenersStep
from runtime.worker.steps.loop import HubStep, SignalsStep, TimerStep
from runtime.worker.steps.pool import AutoscalerStep, CoreStep, PoolStep
from runtime.worker.steps.probes import ProbesStep
from runtime.worker.steps.statedb import StateDBStep

if TYPE_CHECKING:
    from runtime.app.app import App

WORKER: tuple[type[Step[Any]], ...] = (
    HubStep,
    TimerStep,
    SignalsStep,
    HealthStep,
    StateDBStep,
    PoolStep,
    CoreStep,
    ProbesStep,
    AutoscalerStep,
    BeatStep,
    BrokerStep,
    MailStep,
    PanelStep,
    ListenersStep,
    ConsumerStep,
)
CONSUMER: tuple[type[Step[Any]], ...] = (
    ConnectionStep,
    MingleStep,
    EventsStep,
    GossipStep,
    HeartStep,
    ControlStep,
    TasksStep,
    AgentStep,
    EvloopStep,
)


def blueprints(app: App | None) -> tuple[Blueprint, Blueprint]:
    """The worker's and the consumer's, with the steps that the app adds. Raises ImproperlyConfigured."""
    more: dict[str, tuple[type[Step[Any]], ...]] = {"worker": (), "consumer": ()}
    if app is not None:
        more = {name: tuple(steps) for name, steps in app.steps.items()}
    return (
        Blueprint("worker", (*WORKER, *more["worker"])),
        Blueprint("consumer", (*CONSUMER, *more["consumer"])),
    )
