"""Broker, Consumer; Connection, Tasks, Evloop: where messages come from."""

from __future__ import annotations

import logging

from brokers.interface import Consumer
from brokers.queue import Queue
from runtime.bootsteps.step import Parts, Step
from runtime.settings.settings import masked
from runtime.worker import connection
from runtime.worker.core import Core
from runtime.worker.pipeline.fetch import Fetcher
from runtime.worker.steps.loop import HubStep, SignalsStep
from runtime.worker.steps.pool import CoreStep, PoolStep

logger = logging.getLogger("runtime.worker")


class BrokerStep(Step[Consumer]):
    """Not connected yet; who needs it later can be made now."""

    name = "Broker"
    requires = (PoolStep,)

    def start(self, parts: Parts) -> Consumer:
        return connection.open_broker(parts.plan)


class ConsumerStep(Step[tuple[Consumer, Core]]):
    """The first connection. From then on the loop starts and stops the consumer blueprint."""

    name = "Consumer"
    requires = (HubStep, SignalsStep, CoreStep, BrokerStep)

    def start(self, parts: Parts) -> tuple[Consumer, Core]:
        connection.connect(parts[BrokerStep], parts.plan, parts[HubStep], parts[SignalsStep])
        return parts[BrokerStep], parts[CoreStep]

    def stop(self, part: tuple[Consumer, Core]) -> None:
        broker, core = part
        connection.close(broker, core.ledger)


class ConnectionStep(Step[Consumer]):
    """There is a connection; the broker makes it by itself."""

    name = "Connection"

    def start(self, parts: Parts) -> Consumer:
        logger.info("Connected to %s", masked("broker_url", parts.plan.app.conf.broker_url))
        return parts[BrokerStep]


class TasksStep(Step[list[Queue]]):
    """The queues are bound to their exchanges, so that who sends there finds them."""

    name = "Tasks"
    requires = (ConnectionStep,)

    def start(self, parts: Parts) -> list[Queue]:
        broker, declared = parts[ConnectionStep], parts[CoreStep].declared
        queues = [declared[name] for name in broker.queues]
        broker.bind(queues)
        return queues

    def stop(self, part: list[Queue]) -> None:
        """They stay bound: what is sent while no worker lives waits there."""


class EvloopStep(Step[Fetcher]):
    """The loop asks for messages. It turns without a connection, too: those that are in our care stay so, and
    run."""

    name = "Evloop"
    requires = (TasksStep,)

    def start(self, parts: Parts) -> Fetcher:
        fetcher = parts[CoreStep].fetcher
        fetcher.open()
        return fetcher

    def stop(self, part: Fetcher) -> None:
        part.shut()
