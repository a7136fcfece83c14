"""What follows when a task ended without its own code having a say: killed, lost, refused, never decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brokers import envelope
from brokers.interface import ChordPart, Push
from runtime.canvas.reference import End, ends
from runtime.canvas.signature import Signature
from runtime.execution import chords, errbacks, follow_up
from runtime.protocol import task_message
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import TaskMessage
from runtime.results import states

if TYPE_CHECKING:
    from runtime.app.app import App


class Consequences(NamedTuple):
    pushes: list[Push]
    """What has its errbacks called or sent."""
    failing: list[End]
    """What fails too: the chain's steps."""
    parts: list[ChordPart]
    """Of chords, that have ended with it."""


NONE = Consequences([], [], [])


def consequences(
    app: App, payload: bytes, message: TaskMessage, queue: str, state: str, error: Exception
) -> Consequences:
    """Nothing if the body, where they are written, cannot be read. Of a join: of the chord's body, which is
    never sent."""
    try:
        embed = task_message.read_body(envelope.parse(payload), accepted_types(app.conf.accept_content)).embed
        if chords.is_join(message):
            ended = failing = list(ends(Signature.from_dict(embed["chord"])))
            linked = [(each.task_id, each.link_error) for each in failing]
        else:
            failing = follow_up.failing_with(embed.get("chain"))
            own = End(message.id, message.group, message.group_index, embed.get("chord"), None)
            ended = [own, *failing]
            linked = [(message.id, embed.get("errbacks") if state == states.FAILURE else None)]
        parts = chords.parts(app, message, ended, state, error)
        pushes = [errbacks.later(message, failed, these, queue, error) for failed, these in linked if these]
        return Consequences(pushes, failing, parts)
    except Exception:  # noqa: BLE001  (whatever a client has put into its signatures)
        return NONE
