"""Registers every command."""

from __future__ import annotations

from runtime.worker.commands import about, events, limits, memory, queues, revoking, sizing, tasks
from runtime.worker.commands.registry import COMMANDS

__all__ = [
    "COMMANDS",
    "about",
    "events",
    "limits",
    "memory",
    "queues",
    "revoking",
    "sizing",
    "tasks",
]
