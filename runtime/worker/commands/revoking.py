"""Tasks are not to be run any more."""

from __future__ import annotations

import logging
import signal as signals
from typing import Any

from runtime.remote.command import is_text
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView
from runtime.worker.ledger import Reservation
from runtime.worker.revoked import pairs, stamps_of

logger = logging.getLogger("runtime.worker")

DEFAULT_SIGNAL = "SIGTERM"


@COMMANDS.inspect(alias="dump_revoked")
def revoked(view: WorkerView) -> list[str]:
    """Ids of tasks that are not to be run."""
    return view.revoked.ids()


@COMMANDS.control(variadic="task_id")
def revoke(
    view: WorkerView, task_id: str | list[str], terminate: bool = False, signal: str | None = None
) -> dict[str, str]:
    """Revoke tasks by their ids."""
    ids = _ids(task_id)
    running = [reservation for reservation in view.active() if reservation.task.id in ids]
    if terminate:
        _terminate(view, running, signal)
    logger.info("Tasks flagged as revoked: %s", ", ".join(sorted(ids)))
    view.revoked.add(ids)
    view.withdraw(lambda task: task.id in ids, ids)
    view.mark_revoked(sorted(ids - {reservation.task.id for reservation in running}))
    if not terminate:
        return {"ok": f"tasks {ids} flagged as revoked"}
    if not running:
        return {"ok": "terminate: tasks unknown"}
    return {"ok": f"terminate: {', '.join(reservation.task.id for reservation in running)}"}


@COMMANDS.control(arguments=[("signal", str)], variadic="task_id")
def terminate(view: WorkerView, signal: str, task_id: str | list[str]) -> dict[str, str]:
    """Revoke tasks by their ids, even if they run (`WorkerView.terminate` says what each signal does)."""
    return revoke(view, task_id, terminate=True, signal=signal)


@COMMANDS.control(variadic="headers")
def revoke_by_stamped_headers(
    view: WorkerView,
    headers: dict[str, Any] | list[str],
    terminate: bool = False,
    signal: str | None = None,
) -> dict[str, str]:
    """Revoke tasks by their stamps, each name=value."""
    stamps = _stamps(headers)
    wanted = pairs(stamps)
    running = [each for each in view.active() if not wanted.isdisjoint(stamps_of(each.task))]
    if terminate:
        _terminate(view, running, signal)
    view.revoked.add_stamps(stamps)
    view.withdraw(lambda task: not wanted.isdisjoint(stamps_of(task)), stamps)
    if not terminate:
        return {"ok": f"headers {stamps} flagged as revoked, but not terminated"}
    if not running:
        return {"ok": f"headers {stamps} were not terminated"}
    found: dict[str, set[str]] = {}
    for reservation in running:
        for name, value in wanted & stamps_of(reservation.task):
            found.setdefault(name, set()).add(value)
    return {"ok": f"headers {found} revoked"}


def _ids(task_id: object) -> set[str]:
    ids = task_id if isinstance(task_id, list) else [task_id]
    if not all(each and is_text(each) for each in ids):
        raise ValueError(f"task_id must be an id or a list of ids, not {task_id!r:.200}")
    return set(ids)


def _stamps(headers: object) -> dict[str, Any]:
    if isinstance(headers, list):
        parts = [str(each).partition("=") for each in headers]
        headers = {name: value for name, equals, value in parts if equals}
    if not isinstance(headers, dict) or not headers:
        raise ValueError(
            f"headers must be an object of stamps, or a list of name=value, not {headers!r:.200}"
        )
    return headers


def _terminate(view: WorkerView, running: list[Reservation], signal: object) -> None:
    """Raises ValueError, and ends nothing, for what is no signal, or none that can be sent to one task."""
    number = _number(signal or DEFAULT_SIGNAL)
    try:
        view.terminate(running, number)
    except ValueError as error:
        raise ValueError(f"{error}; KILL, TERM and USR1 act on one task") from error


def _number(signal: object) -> signals.Signals:
    name = str(signal).upper()
    for each in signals.Signals:
        if name in (each.name, each.name.removeprefix("SIG"), str(each.value)):
            return each
    raise ValueError(f"signal must be the name of one, such as SIGTERM or KILL, not {signal!r}")
