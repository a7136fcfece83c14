"""The other workers, as their heartbeats tell."""

from __future__ import annotations

from typing import NamedTuple

FREQ = 2.0
"""Seconds between the heartbeats of a worker that does not say."""
PATIENCE = 2
"""A worker that has missed so many is gone, as for Celery's monitors."""
MOST = 10_000
"""Workers that are known."""


class Peer(NamedTuple):
    heard_at: float
    """time.monotonic()."""
    freq: float
    """Seconds between its heartbeats."""


class Peers:
    """Without this worker. Each call says what it changes, or whether."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def names(self) -> list[str]:
        return sorted(self._peers)

    def alive(self, node: str, freq: object, now: float) -> bool:
        """It has said something. Whether it is new."""
        new = node not in self._peers
        if new and len(self._peers) >= MOST:
            return False
        seconds = float(freq) if isinstance(freq, int | float) and 0.1 <= freq <= 3600 else FREQ
        self._peers[node] = Peer(now, seconds)
        return new

    def left(self, node: str) -> bool:
        """It has said that it ends. Whether it was known."""
        return self._peers.pop(node, None) is not None

    def take_lost(self, now: float) -> list[str]:
        """Those that should have been heard since, and were not: they are known no more."""
        lost = [node for node, peer in self._peers.items() if now - peer.heard_at > PATIENCE * peer.freq]
        for node in lost:
            del self._peers[node]
        return lost

    def slowest(self) -> float:
        """Seconds between heartbeats."""
        return max((peer.freq for peer in self._peers.values()), default=FREQ)

    def rate(self) -> float:
        """Their heartbeats per second."""
        return sum(1 / peer.freq for peer in self._peers.values())
