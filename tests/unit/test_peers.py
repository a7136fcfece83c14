"""Who the other workers are, as gossip hears it."""

from __future__ import annotations

import pytest

from runtime.worker.events import outbox
from runtime.worker.events.gossip import BUDGET, pause
from runtime.worker.events.outbox import Outbox
from runtime.worker.events.peers import Peers


def test_a_worker_is_known_from_its_first_word_until_it_leaves_or_is_not_heard() -> None:
    peers = Peers()
    assert peers.alive("a", 2.0, now=0)
    assert not peers.alive("a", 2.0, now=1)
    assert peers.alive("b", 2.0, now=1)
    assert peers.left("b")
    assert not peers.left("b")
    assert peers.take_lost(now=5) == []
    assert peers.take_lost(now=5.1) == ["a"]
    assert len(peers) == 0


@pytest.mark.parametrize("freq", [None, "x", 0, -1, float("nan"), True])
def test_a_frequency_that_makes_no_sense_counts_as_the_usual_one(freq: object) -> None:
    peers = Peers()
    peers.alive("a", freq, now=0)
    assert peers.rate() in (0.5, 1.0)


@pytest.mark.parametrize("workers", [2, 20, 100, 1000])
def test_no_more_than_the_budget_is_heard_however_many_there_are(workers: int) -> None:
    peers = Peers()
    for number in range(workers):
        peers.alive(f"w{number}", 2.0, now=0)
    window = 5.0
    heard = peers.rate() * window / (window + pause(peers.rate(), window))
    assert heard == pytest.approx(min(BUDGET, workers / 2))


def test_task_events_that_nobody_fetches_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST", 3)
    box = Outbox("celeryev")
    for number in range(5):
        box.add_task({"type": "task-started", "hostname": "w", "uuid": str(number)})
    assert (bool(box), box.dropped) == (True, 2)
