"""A worker with parts of its own: a timer, an option, and a queue of messages that are no tasks.

runtime -A examples.bootsteps start --heartbeat-file /tmp/beat
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime import App
from runtime.bootsteps import Message, Parts, QueueStep, Step

if TYPE_CHECKING:
    from runtime.worker.plan import Plan
    from runtime.worker.timer import Entry

app = App("bootsteps")
app.user_options["worker"].add(click.Option(["--heartbeat-file"], help="Touch this file every second."))


@app.task
def add(x: float, y: float) -> float:
    return x + y


@app.steps["worker"].add
class HeartbeatFile(Step["Entry"]):
    """Writes the time to a file, for whoever looks whether we live."""

    requires = ("Timer",)

    def enabled(self, plan: Plan) -> bool:
        return plan.options.user["heartbeat_file"] is not None

    def start(self, parts: Parts) -> Entry:
        path = Path(parts.plan.options.user["heartbeat_file"])
        path.write_text(f"{time.time()}\n")
        entry: Entry = parts.named("Timer").every(1.0, lambda: path.write_text(f"{time.time()}\n"))
        return entry

    def stop(self, part: Entry) -> None:
        part.cancel()


@app.steps["worker"].add
class Orders(QueueStep):
    """Takes JSON from the queue `orders`, sent with any kombu producer, and makes a task of each."""

    queue = "orders"

    def handle(self, message: Message) -> object:
        return add.delay(message.body["price"], message.body["shipping"])
