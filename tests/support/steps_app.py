"""Bootsteps as users have them: the environment says which, in STEPS."""

from __future__ import annotations

import os
import time

from runtime import App, hooks
from runtime.bootsteps import Message, Parts, QueueStep, Step
from tests.support.app import app, note

STEPS = os.environ.get("STEPS", "").split()


class Failing(Step[None]):
    def start(self, parts: Parts) -> None:
        raise OSError("no disk")


class FailingLater(Step[None]):
    """At the second connection."""

    connections = 0

    def start(self, parts: Parts) -> None:
        FailingLater.connections += 1
        if FailingLater.connections == 2:
            raise OSError("no disk")


class Noted(Step[str]):
    """Of the consumer blueprint: notes connections."""

    requires = ("Tasks",)

    def start(self, parts: Parts) -> str:
        note(f"connected, {parts.named('Pool').slots()} slots")
        return "connection"

    def stop(self, part: str) -> None:
        note(f"{part} lost")


class Agent:
    """For `worker_agent`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def start(self) -> None:
        note(f"agent of {self._app.main}")

    def stop(self) -> None:
        note("agent ends")


class Slow(QueueStep):
    """Notes each message, then takes as long as it says."""

    queue = "slow"

    def handle(self, message: Message) -> object:
        note(f"start {message.body['name']} {os.getpid()}")
        time.sleep(message.body["seconds"])
        if message.body["seconds"] == 0:
            raise ValueError("no time")
        note(f"end {message.body['name']}")
        return None


def hold_up(**more: object) -> None:
    """The whole loop, while a message is being received: as a machine that stands still."""
    while not os.path.exists(os.environ["HELD_UNTIL"]):
        time.sleep(0.01)


if "held-up" in STEPS:
    hooks.task_received.connect(hold_up)
if "failing" in STEPS:
    app.steps["worker"].add(Failing)
if "failing-consumer" in STEPS:
    app.steps["consumer"].add(Failing)
if "failing-later" in STEPS:
    app.steps["consumer"].add(FailingLater)
if "noted" in STEPS:
    app.steps["consumer"].add(Noted)
if "slow" in STEPS:
    app.steps["worker"].add(Slow)
