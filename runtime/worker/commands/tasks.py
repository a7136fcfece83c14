"""Questions about tasks: those in our care, and those we could run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brokers import envelope
from brokers.envelope import MalformedMessage
from brokers.interface import Held
from runtime import clocks
from runtime.protocol import task_message
from runtime.protocol.task_message import TaskMessage
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.task_info import Describer
from runtime.worker.commands.view import WorkerView

SHOWN = ("exchange", "routing_key", "rate_limit")
"""Attributes of a task that `registered` tells if nothing else is asked for."""
PRIORITY = 6
"""Of every scheduled task, as Celery's timer has it."""


@COMMANDS.inspect(alias="dump_active")
def active(view: WorkerView, safe: bool = False) -> list[dict[str, Any]]:
    """Tasks that run."""
    describe = Describer(view.node, safe)
    return [describe.of_reservation(reservation) for reservation in view.active()]


@COMMANDS.inspect(alias="dump_reserved")
def reserved(view: WorkerView) -> list[dict[str, Any]]:
    """Tasks that wait for a slot."""
    describe = Describer(view.node)
    return [describe.of_reservation(reservation) for reservation in view.reserved()]


@COMMANDS.inspect(alias="dump_schedule", needs_held=True)
def scheduled(view: WorkerView) -> list[dict[str, Any]]:
    """Tasks that wait for their time: the next thousand."""
    describe = Describer(view.node)
    here = [(each.task.eta, describe.of_reservation(each)) for each in view.nearly_due()]
    there = [(held.due, describe.of_message(task, held.message)) for held, task in _held_tasks(view)]
    return [
        {"eta": None if due is None else clocks.iso(due), "priority": PRIORITY, "request": info}
        for due, info in here + there
    ]


@COMMANDS.inspect(variadic="ids", needs_held=True)
def query_task(view: WorkerView, ids: str | list[str]) -> dict[str, Any]:
    """State and info of tasks by their ids."""
    wanted = {ids} if isinstance(ids, str) else set(ids)
    describe = Describer(view.node)
    found = {
        held_task.id: ["scheduled", describe.of_message(held_task, held.message)]
        for held, held_task in _held_tasks(view)
        if held_task.id in wanted
    }
    # What comes later goes before: the broker's answer is older than what we know.
    groups = (("scheduled", view.nearly_due()), ("reserved", view.reserved()), ("active", view.active()))
    for state, reservations in groups:
        for reservation in reservations:
            if reservation.task.id in wanted:
                found[reservation.task.id] = [state, describe.of_reservation(reservation)]
    return found


@COMMANDS.inspect(alias="dump_tasks", variadic="taskinfoitems")
def registered(
    view: WorkerView, taskinfoitems: list[object] | None = None, builtins: bool = False
) -> list[str]:
    """Names of the tasks that can be run, with some of their attributes."""
    items = [item for item in taskinfoitems or SHOWN if isinstance(item, str) and not item.startswith("_")]
    return [
        _with_attributes(view, name, items)
        for name in sorted(view.manifest)
        if builtins or not name.startswith("celery.")
    ]


def _with_attributes(view: WorkerView, name: str, items: list[str]) -> str:
    """An attribute is what the children say, or else what this process's import of the app does."""
    told, here = view.manifest[name], view.app.tasks.get(name)
    values = ((item, getattr(told, item, getattr(here, item, None))) for item in items)
    shown = " ".join(f"{item}={value}" for item, value in values if value is not None)
    return f"{name} [{shown}]" if shown else name


def _held_tasks(view: WorkerView) -> Iterator[tuple[Held, TaskMessage]]:
    for held in view.held:
        try:
            yield held, task_message.read(envelope.parse(held.message))
        except MalformedMessage:
            continue  # it will be dead-lettered when it is due
