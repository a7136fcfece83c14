"""What the worker tells of itself and of its tasks to those who listen to events."""

from __future__ import annotations

from typing import Any

from runtime.remote.command import is_text
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.control()
def enable_events(view: WorkerView) -> dict[str, str]:
    """Tell of tasks."""
    if view.task_events.on:
        return {"ok": "task events already enabled"}
    view.task_events.on = True
    return {"ok": "task events enabled"}


@COMMANDS.control()
def disable_events(view: WorkerView) -> dict[str, str]:
    """Tell no more of tasks; also if the worker was started with -E, where Celery's would go on."""
    if not view.task_events.on:
        return {"ok": "task events already disabled"}
    view.task_events.on = False
    return {"ok": "task events disabled"}


@COMMANDS.control(arguments=[("id", str), ("topic", str), ("action", dict)])
def election(view: WorkerView, id: str, topic: str, action: Any = None) -> None:
    """Be a candidate for doing something that one worker is to do: topic `task`, action a signature. Workers
    without gossip are none."""
    if not is_text(id) or not is_text(topic):
        raise ValueError(f"id and topic must be texts, not {id!r:.100} and {topic!r:.100}")
    if "gossip" not in view.plan.options.without:
        view.elections.hold(id, topic, action)


@COMMANDS.control()
def heartbeat(view: WorkerView) -> None:
    """Say now that the worker lives; who begins to listen asks for it."""
    view.pulse.say("worker-heartbeat")
