"""Our worker and Celery's on one queue: each counts parts of the same chords, and either may end them."""

from __future__ import annotations

from pathlib import Path

from runtime import App, chord
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.worker import Worker

CHORDS = 30
PARTS = 8


def test_chords_whose_parts_both_run_have_their_bodies_once(app: App, server: Server, tmp_path: Path) -> None:
    # Ours takes no more than it runs, or Celery's would get nothing.
    with (
        Worker(server.url(), tmp_path, "--prefetch-multiplier", "1") as ours,
        CeleryWorker(server.url(), tmp_path),
    ):
        results = [
            chord(
                [app.signature("canvas.part", (n,)) for n in range(PARTS)],
                app.signature("canvas.body", kwargs={"name": str(number)}),
            ).delay()
            for number in range(CHORDS)
        ]
        assert [result.get(timeout=30) for result in results] == [sum(range(PARTS))] * CHORDS
        noted = ours.effects()
    bodies = [line for line in noted if line.startswith("body")]
    assert sorted(bodies) == sorted(f"body {number}" for number in range(CHORDS))
    assert noted.count("part runtime") > PARTS
    assert noted.count("part celery") > PARTS
    assert noted.count("part runtime") + noted.count("part celery") == CHORDS * PARTS
