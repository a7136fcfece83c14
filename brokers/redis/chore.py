"""What a chore is: work of many small steps, done beside the messages.

A generator: it yields a command, is sent the reply, and returns how many messages it put into queues, or whom
it has found. Whoever drives it decides when; between two steps anything may happen, so each step is safe by
itself. A chore may be dropped at any point and begun anew.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from brokers.redis.scripts import Command


class Namesakes(NamedTuple):
    """Workers with our node name that are not us."""

    places: list[str]
    """Process and host of each, for people."""


Outcome = int | Namesakes
Chore = Generator[Command, Any, Outcome]
