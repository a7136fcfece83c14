"""What a task's end sends: callbacks and the next step of its chain, or errbacks (PROTOCOL 5).

Pure: the messages are published by the step that settles the task, so that each goes out exactly
once, or not at all (P5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from brokers.interface import Push
from runtime.protocol.task_message import TaskMessage

if TYPE_CHECKING:
    from runtime.app.app import App

Signatures = Sequence[Mapping[str, Any]] | None


class FollowUp(NamedTuple):
    task_id: str
    push: Push


def after_success(
    app: App, message: TaskMessage, callbacks: Signatures, chain: Signatures, value: object
) -> list[FollowUp]:
    """Every callback and the next step of the chain, with the return value as first argument.

    Raises ValueError or NotImplementedError for what cannot be sent.
    """
    sent = [_follow_up(app, message, callback, value) for callback in callbacks or ()]
    if chain:
        sent.append(_follow_up(app, message, chain[-1], value, chain=list(chain[:-1])))
    return sent


def after_failure(app: App, message: TaskMessage, errbacks: Signatures) -> list[FollowUp]:
    """Every errback, with the failed task's id as its argument. Raises as `after_success`."""
    return [_follow_up(app, message, errback, message.id) for errback in errbacks or ()]


def failing_with(chain: Signatures) -> list[str]:
    """Ids of the chain's remaining steps: they fail with the step before them, or who waits for the end
    of the chain waits for ever (PROTOCOL 17.5)."""
    ids = [(step.get("options") or {}).get("task_id") for step in chain or ()]
    return [task_id for task_id in ids if task_id and isinstance(task_id, str)]


def _follow_up(
    app: App, message: TaskMessage, signature: Mapping[str, Any], argument: object, **options: Any
) -> FollowUp:
    """The id in a signature is binding: somebody may wait for it already."""
    task_id = (signature.get("options") or {}).get("task_id") or str(uuid4())
    push = app.message_for(
        signature, (argument,), task_id=task_id, root_id=message.root_id, parent_id=message.id, **options
    )
    return FollowUp(task_id, push)
