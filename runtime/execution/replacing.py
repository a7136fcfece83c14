"""A task that puts another in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.canvas.carry import carried
from runtime.canvas.compound import chain, group, steps
from runtime.canvas.freeze import frozen
from runtime.canvas.signature import Signature
from runtime.errors import Ignore, ImproperlyConfigured
from runtime.execution.request import Request

if TYPE_CHECKING:
    from runtime.app.sender import Messages

ACCUMULATE = "celery.accumulate"
"""A task that returns its arguments."""


class Replaced(Ignore):
    """What is to be sent in its place, by the step that settles the task."""

    def __init__(self, messages: Messages) -> None:
        super().__init__("replaced by another task")
        self.messages = messages


def replacement(signature: Signature, request: Request) -> Signature:
    """`signature` as the task of this request: under its id, with all that follows it (PROTOCOL 5). A group's
    results are collected, so that there is one end with that id. Raises ImproperlyConfigured for a part of
    a chord, and an empty chain."""
    if "chord" in signature.options:
        raise ImproperlyConfigured("a signature that replaces a task must not be part of a chord")
    whole = steps(signature)
    if not whole:
        raise ImproperlyConfigured("an empty chain cannot replace a task")
    nesting = request.replaced_task_nesting + 1
    if isinstance(whole[-1], group):
        whole.append(Signature(ACCUMULATE, (), {"index": 0}))
    replacing = [step.clone(replaced_task_nesting=nesting) for step in whole]
    fixed = frozen(replacing[0] if len(replacing) == 1 else chain(*replacing), request.id)
    follow: dict[str, Any] = {
        "link": request.callbacks,
        "link_error": request.errbacks,
        "chord": request.chord,
        "group_id": request.group,
        "group_index": request.group_index,
        "chain": request.chain,
    }
    return carried(fixed, follow)
