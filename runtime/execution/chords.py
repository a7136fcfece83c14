"""Parts of chords that have ended, and what the last one brings about (PROTOCOL 11.3).

Only the script that settles the last part knows that it is the last one (brokers/effects.py). It publishes a
message in the same step: the **join**. Whoever takes it reads what the parts have left, and sends the body,
in the step that settles it. So each step between the last part and the body is a message, which is in a
queue or in somebody's care.

The join is the part itself again, as a task that does nothing. A Celery worker that gets it counts the part
once more, which changes nothing, finds the chord complete, and sends the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from brokers.interface import BrokerError, ChordEnd, ChordPart, Push
from runtime.canvas.reference import End, ends
from runtime.canvas.signature import Signature
from runtime.errors import ChordError
from runtime.execution import errbacks, report
from runtime.execution.replacing import ACCUMULATE
from runtime.execution.report import Report
from runtime.execution.request import Request
from runtime.protocol import serializers
from runtime.protocol.build import build
from runtime.protocol.task_message import TaskMessage
from runtime.results import document, states
from runtime.results.document import About
from runtime.results.exceptions import from_wire, to_wire

if TYPE_CHECKING:
    from runtime.app.app import App

JOIN = "runtime_join"
"""Header of the join."""
AGAIN_AFTER = 2.0
"""Seconds after which a join is tried again that finds a Celery worker at it."""


class ChordStore(Protocol):
    """Where parts leave how they ended."""

    def chord_entries(self, group_id: str) -> list[Any]:
        """`[1, task id, state, result as stored]` of each, in the order of the header."""

    def saved_group(self, group_id: str) -> Sequence[Any] | None:
        """The header's results, if groups are among them."""


def own_end(request: Request) -> End:
    """Of the task that ran for this request."""
    message = request.message
    return End(message.id, message.group, message.group_index, request.chord, None)


def parts(app: App, message: TaskMessage, ended: Sequence[End], state: str, result: Any) -> list[ChordPart]:
    """Of those that are parts of chords. `message`: of the task that ended, or whose end let these fail.
    Raises EncodeError."""
    if app.results.keys.expires is None:
        return []
    if state in states.EXCEPTION:
        result = to_wire(result)
    return [_part(app, message, end, state, result) for end in ended if end.chord and end.group_id]


def _part(app: App, message: TaskMessage, end: End, state: str, result: Any) -> ChordPart:
    keys, conf = app.results.keys, app.conf
    index = "+inf" if end.group_index is None else str(end.group_index)
    entry = serializers.encode([1, end.task_id, state, result], conf.result_serializer)
    ordered = conf.result_backend_transport_options.get("result_chord_ordered", True)
    return ChordPart(
        keys.group(end.group_id or ""),
        f"{end.task_id}:{index}",
        entry,
        index if ordered else "",
        keys.chord_expires,
        _join(app, message, end),
    )


def _join(app: App, message: TaskMessage, end: End, eta: float | None = None) -> Push:
    """Goes where the part was taken from; only the supervisor knows that for certain, and puts it in."""
    return build(
        ACCUMULATE,
        (),
        {},
        id=end.task_id,
        queue=message.delivery_info.get("routing_key") or app.conf.task_default_queue,
        priority=message.priority,
        eta=eta,
        root_id=message.root_id,
        parent_id=message.parent_id,
        group=end.group_id,
        group_index=end.group_index,
        chord=end.chord,
        ignore_result=True,
        headers={JOIN: True},
    )


def is_join(message: TaskMessage) -> bool:
    return message.headers.get(JOIN) is True


def join(app: App, request: Request, now: float, store: ChordStore) -> Report:
    """Send the body, or tell that it failed. `now`: epoch seconds. Raises ValueError if the body is no
    signature."""
    message, keys = request.message, app.results.keys
    group_id = message.group or ""
    again = _join(app, message, own_end(request), now + AGAIN_AFTER)
    end = ChordEnd(keys.group(group_id), keys.chord_expires, again)
    body = Signature.from_dict(request.chord)
    try:
        entries = store.chord_entries(group_id)
        failed = next((entry for entry in entries if entry[2] in states.UNSUCCESSFUL), None)
        if failed is not None:
            cause = from_wire(failed[3])
            return _failed(app, request, body, f"Dependency {failed[1]} raised {cause!r}", cause, end)
        results = _results(app, store.saved_group(group_id), entries)
        sent = app.messages(body, (results,), root_id=message.root_id, parent_id=message.id)
    except BrokerError as error:
        return Report(report.REJECTED, text=f"chord {group_id}: {error}", requeue=True)
    except Exception as error:  # noqa: BLE001  (whatever is in the results, or in the body's signature)
        return _failed(app, request, body, f"Join error: {error!r}", error, end)
    text = f"chord {group_id} of {len(entries)} parts"
    return Report(report.SUCCESS, (), sent.pushes, [end, *sent.chords], text)


def _results(app: App, saved: Sequence[Any] | None, entries: Sequence[Sequence[Any]]) -> list[Any]:
    """In the order of the header; nested as the saved group, if there is one."""
    if saved is None:
        return [entry[3] for entry in entries]
    known = {entry[1]: entry[3] for entry in entries}

    def value(reference: Any) -> Any:
        (task_id, _), members = reference
        if members is not None:
            return [value(member) for member in members]
        if task_id not in known:
            known[task_id] = app.AsyncResult(task_id).get(app.conf.result_chord_join_timeout)
        return known[task_id]

    _, members = saved
    return [value(member) for member in members]


def _failed(
    app: App, request: Request, body: Signature, text: str, cause: BaseException, end: ChordEnd
) -> Report:
    """Everything that waits for the body fails with it, its own outer chord too."""
    error = cause if body.subtask_type == "group" else ChordError(text)
    never_run = list(ends(body))
    serializer = app.conf.result_serializer
    abouts = [About(each.task_id, each.group_id) for each in never_run]
    documents = [
        (each.id, document.encode(states.FAILURE, error, message=each, serializer=serializer))
        for each in abouts
    ]
    sent = [
        messages
        for each in never_run
        for messages in errbacks.after_failure(
            app, Request.of_never_run(each.task_id, request), each.link_error, error, None
        )
    ]
    pushes = [push for messages in sent for push in messages.pushes]
    begun = [size for messages in sent for size in messages.chords]
    failing = parts(app, request.message, never_run, states.FAILURE, error)
    text = f"chord {request.message.group} failed: {text}"
    return Report(report.SUCCESS, documents, pushes, [end, *failing, *begun], text)
