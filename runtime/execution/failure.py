"""What follows when a task ended without its own code having a say: killed, lost, refused, never decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brokers import envelope
from brokers.interface import ChordPart, Push
from runtime.canvas.reference import End
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
    """The chain's steps that fail too."""
    parts: list[ChordPart]
    """Of chords, that have ended with it."""


NONE = Consequences([], [], [])


def consequences(
    app: App, payload: bytes, message: TaskMessage, queue: str, state: str, error: Exception
) -> Consequences:
    """Nothing if the body, where they are written, cannot be read; nor of a join, which is no part."""
    if chords.is_join(message):
        return NONE
    try:
        embed = task_message.read_body(envelope.parse(payload), accepted_types(app.conf.accept_content)).embed
        failing = follow_up.failing_with(embed.get("chain"))
        own = End(message.id, message.group, message.group_index, embed.get("chord"), None)
        parts = chords.parts(app, message, [own, *failing], state, error)
        linked = embed.get("errbacks") if state == states.FAILURE else None
        return Consequences([errbacks.later(message, linked, queue, error)] if linked else [], failing, parts)
    except Exception:  # noqa: BLE001  (whatever a client has put into its signatures)
        return NONE
