"""Looks for workers with our node name that are not us: a chore."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from brokers.redis.chore import Namesakes
from brokers.redis.keys import Keys
from brokers.redis.lease import Identity
from brokers.redis.scripts import Command


def look_for_namesakes(keys: Keys, who: Identity, us: str) -> Generator[Command, Any, Namesakes]:
    """Those whose leases run. One that died elsewhere within its lease is among them: from here nobody can
    tell."""
    seconds, microseconds = yield ("TIME",)
    now = int(seconds) * 1000 + int(microseconds) // 1000
    places = []
    for incarnation in (yield ("ZRANGEBYSCORE", keys.workers, now, "+inf")):
        node, host, pid = yield ("HMGET", keys.record(incarnation.decode()), "node", "host", "pid")
        if incarnation != us.encode() and node == who.node.encode():
            places.append(f"pid {pid.decode()} on {host.decode()}")
    return Namesakes(places)
