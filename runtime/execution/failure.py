"""What follows when a task failed without its own code having a say: killed, lost, never decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokers import envelope
from brokers.interface import Push
from runtime.execution import follow_up
from runtime.protocol import task_message
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import TaskMessage

if TYPE_CHECKING:
    from runtime.app.app import App


def consequences(app: App, payload: bytes, message: TaskMessage) -> tuple[list[Push], list[str]]:
    """(errbacks to send, ids of the chain's steps that fail too). Nothing if the body, where they are
    written, cannot be read."""
    try:
        body = task_message.read_body(envelope.parse(payload), accepted_types(app.conf.accept_content))
        sent = follow_up.after_failure(app, message, body.embed.get("errbacks"))
        return [each.push for each in sent], follow_up.failing_with(body.embed.get("chain"))
    except Exception:  # noqa: BLE001  (whatever a client has put into its signatures)
        return [], []
