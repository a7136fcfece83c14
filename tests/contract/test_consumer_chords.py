"""Chords, as a Consumer counts and ends them in its settlements, on every server flavour; where results are
in the broker's database, in another one, and on another server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from brokers import registry
from brokers.interface import ChordEnd, ChordPart, ChordSize, Consumer, Push, Results, Settlement, Write
from tests.support.consumers import Driven
from tests.support.servers import BINARIES, Server

KEY = "celery-taskset-meta-g"
JOIN = Push("q", b"join", head=True)
AGAIN = Push("q", b"again", head=True)
END = Settlement("", [Write("body", b"{}", 60)], [Push("q", b"body")], chords=[ChordEnd(KEY, 60, AGAIN)])


@pytest.fixture(params=["same", "other database", "other server"])
def home(request: pytest.FixtureRequest, server: Server) -> Iterator[tuple[str, bool]]:
    """URL of the results, and whether that is the broker's server."""
    if request.param == "other server":
        with Server(next(iter(BINARIES))) as other:
            yield other.url(), False
    else:
        yield server.url(db=0 if request.param == "same" else 3), True


@pytest.fixture
def results(home: tuple[str, bool]) -> Iterator[Results]:
    results = registry.open_results(home[0])
    yield results
    results.close()


@pytest.fixture
def driven(server: Server, home: tuple[str, bool]) -> Iterator[Driven]:
    consumer: Consumer = registry.open_consumer(
        server.url(), queues=["q"], node="w@test", results_url=home[0]
    )
    with Driven(consumer) as driven:
        yield driven


def part(index: int, ordered: bool = True) -> Settlement:
    entry = json.dumps([1, f"t{index}", "SUCCESS", index]).encode()
    score = str(index) if ordered else ""
    return Settlement("", chords=[ChordPart(KEY, f"t{index}:{index}", entry, score, 60, JOIN)])


def queued(server: Server) -> list[bytes]:
    """Taken out, in the order of their names."""
    found = server.client.lrange("q", 0, -1)
    server.client.delete("q")
    return sorted(found)


def test_the_last_part_publishes_the_join_and_the_join_the_body(
    server: Server, driven: Driven, results: Results, home: tuple[str, bool]
) -> None:
    results.begin_chords([ChordSize(KEY, 3, 60)])
    driven.settle(part(2), part(0), part(0))
    assert queued(server) == []
    driven.settle(part(1))
    assert queued(server) == [b"join"]
    assert [json.loads(entry)[3] for entry in results.chord_entries(KEY)] == [0, 1, 2]
    driven.settle(part(1))  # again, as a redelivered one: whoever should have ended it may be dead
    assert queued(server) == [b"join"]
    driven.settle(END)
    assert queued(server) == [b"body"]
    assert results.get("body") == b"{}"
    if home[1]:  # elsewhere nothing tells that the broker has got the body
        driven.settle(part(1), END)
        assert queued(server) == []
        assert results.get(f"{KEY}.c") == b"done"
        assert results.get(f"{KEY}.s") is None
    assert driven.refused == []


def test_a_chord_that_grows_and_one_without_order(server: Server, driven: Driven, results: Results) -> None:
    results.begin_chords([ChordSize(KEY, 1, 0, b"structure")])
    results.extend_chord(KEY, 60)
    driven.settle(part(1, ordered=False))
    assert queued(server) == []
    driven.settle(part(0, ordered=False))
    assert queued(server) == [b"join"]
    assert [json.loads(entry)[3] for entry in results.chord_entries(KEY)] == [1, 0]
    assert results.get(KEY) == b"structure"


def test_what_is_over_or_claimed_is_not_ended(server: Server, driven: Driven, results: Results) -> None:
    driven.settle(END)
    assert (queued(server), results.get("body")) == ([], None)
    results.begin_chords([ChordSize(KEY, 1, 60)])
    results.write([Write(f"{KEY}.c", b"celery's token", 60)])
    driven.settle(part(0), END)
    assert (queued(server), results.get("body")) == ([b"again", b"join"], None)
    results.delete([f"{KEY}.c"])
    driven.settle(END)
    assert queued(server) == [b"body"]


def test_a_chord_begins_in_a_settlement(server: Server, driven: Driven, results: Results) -> None:
    begun = Settlement("", pushes=[Push("q", b"header")], chords=[ChordSize(KEY, 1, 60, b"structure")])
    driven.settle(begun, part(0))
    assert queued(server) == [b"header", b"join"]
    assert results.get(KEY) == b"structure"
    assert results.get(f"{KEY}.s") == b"1"


def test_nothing_is_counted_for_a_message_that_is_not_ours(
    server: Server, driven: Driven, results: Results, home: tuple[str, bool]
) -> None:
    results.begin_chords([ChordSize(KEY, 1, 60)])
    driven.settle(part(0)._replace(tag="other.1"))
    assert driven.fenced == ["other.1"]
    assert queued(server) == []
    assert bool(results.chord_entries(KEY)) != home[1]  # elsewhere there is no fence
