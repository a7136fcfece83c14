"""What a task's end sends: callbacks and the next step of its chain (PROTOCOL 5).

Pure: the messages are published by the step that settles the task, so that each goes out exactly
once, or not at all (P5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.canvas.compound import group
from runtime.canvas.reference import End, ends
from runtime.canvas.signature import Signature, listed_signatures
from runtime.protocol.task_message import TaskMessage

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.sender import Messages

Signatures = Sequence[Mapping[str, Any]] | None


def after_success(
    app: App, message: TaskMessage, callbacks: Signatures, chain: Signatures, value: object
) -> list[Messages]:
    """Every callback and the next step of the chain, with the return value as first argument. Raises as
    App.messages."""
    sent = send_together(app, message, [Signature.from_dict(each) for each in callbacks or ()], value)
    if chain:
        sent.append(_send(app, message, Signature.from_dict(chain[-1]), value, chain=list(chain[:-1])))
    return sent


def failing_with(chain: Signatures) -> list[End]:
    """The chain's remaining steps."""
    return [end for step in listed_signatures(chain) for end in ends(Signature.from_dict(step))]


def send_together(
    app: App, message: TaskMessage, signatures: Sequence[Signature], argument: object
) -> list[Messages]:
    """Several that are no groups go as one."""
    if len(signatures) > 1:
        plain = [each for each in signatures if not isinstance(each, group)]
        signatures = [each for each in signatures if isinstance(each, group)]
        signatures += [group(*plain)] if len(plain) > 1 else plain
    return [_send(app, message, each, argument) for each in signatures]


def _send(app: App, message: TaskMessage, signature: Signature, argument: object, **options: Any) -> Messages:
    return app.messages(signature, (argument,), root_id=message.root_id, parent_id=message.id, **options)
