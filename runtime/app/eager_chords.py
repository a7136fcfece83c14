"""Chords whose parts run here and now: what has become of them, in memory. What scripts do for workers
(brokers/effects.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brokers.interface import ChordEnd, ChordPart, ChordSize, Push
from runtime.protocol import serializers
from runtime.results.store import ResultStore


class _Chord:
    def __init__(self, begun: ChordSize) -> None:
        self.size = begun.size
        self.structure = begun.structure
        self.entries: dict[str, tuple[float, bytes]] = {}
        """Of each part that has ended: its place, and what it left."""


class EagerChords:
    """By the keys of their groups, until they end. An `execution.chords.ChordStore`."""

    def __init__(self, results: ResultStore) -> None:
        self._results = results
        self._chords: dict[str, _Chord] = {}

    def settle(self, effects: Sequence[ChordSize | ChordPart | ChordEnd]) -> list[Push]:
        """Do what a report says of chords. Returns the joins of those that are complete by it."""
        joins = []
        for effect in effects:
            if isinstance(effect, ChordSize):
                self._chords[effect.key] = _Chord(effect)
            elif isinstance(effect, ChordEnd):
                self._chords.pop(effect.key, None)
            elif (chord := self._chords.get(effect.key)) is not None:
                place = float(effect.score) if effect.score else len(chord.entries)
                chord.entries[effect.member] = (place, effect.entry)
                if len(chord.entries) == chord.size:
                    joins.append(effect.join)
        return joins

    def extend_chord(self, group_id: str) -> None:
        """It waits for one part more."""
        self._chords[self._key(group_id)].size += 1

    def chord_entries(self, group_id: str) -> list[Any]:
        entries = sorted(self._chords[self._key(group_id)].entries.values(), key=lambda entry: entry[0])
        return [self._loads(entry) for _, entry in entries]

    def saved_group(self, group_id: str) -> Sequence[Any] | None:
        structure = self._chords[self._key(group_id)].structure
        found: Sequence[Any] | None = self._loads(structure)["result"] if structure else None
        return found

    def _key(self, group_id: str) -> str:
        return self._results.keys.group(group_id)

    def _loads(self, data: bytes) -> Any:
        return serializers.named(self._results.conf.result_serializer).loads(data)
