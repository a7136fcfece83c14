"""Queues that are bound to exchanges, for apps of both kinds."""

from __future__ import annotations

TOPIC = {"exchange": "zoo", "exchange_type": "topic"}
QUEUES = {
    "cats": {**TOPIC, "routing_key": "animal.cat.#"},
    "animals": {**TOPIC, "routing_key": "animal.#"},
    "left": {"exchange": "sides", "routing_key": "k"},
    "right": {"exchange": "sides", "routing_key": "k"},
}
