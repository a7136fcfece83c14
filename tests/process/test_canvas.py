"""Work-flows, whoever sends them and whoever runs them: our client and Celery's, our worker and Celery's.
Every way has the same results, the same states and the same errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import runtime
from runtime.errors import ChordError
from tests.support import canvas_tasks
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.ways import OURS, THEIRS, WAYS, Way, running


@pytest.fixture(scope="module", params=WAYS)
def ways(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    directory = tmp_path_factory.mktemp("canvas")
    ours, theirs = "tests.support.canvas_app", "tests.support.celery_app"
    with running(request.param, shared_server, directory, ours, theirs, "canvas") as way:
        yield way


@pytest.fixture
def way(ways: Way) -> Way:
    """With nothing noted yet."""
    ways.effects.write_text("")
    return ways


def test_chains(way: Way) -> None:
    add, chain = way.add, way.api.chain
    result = chain(add(1, 1), add(2), add(3)).delay()
    assert result.get(timeout=10) == 7
    assert [result.parent.get(timeout=5), result.parent.parent.get(timeout=5)] == [4, 2]
    first = result.parent.parent
    assert first.parent is None
    assert [value for _, value in first.collect()] == [2, 4, 7]
    assert [each.id for each in first.children] == [result.parent.id]
    assert len(list(first.iterdeps())) == 3
    assert len(list(first.graph)) == 3
    assert (add(1, 1) | add(2) | chain(add(3), add(4))).delay().get(timeout=10) == 11
    assert chain(add(1), way.s("mul", 3)).delay(4).get(timeout=10) == 15
    immutable = way.s("no_argument").set(immutable=True)
    assert (add(1, 1) | immutable).delay().get(timeout=10) == "called"
    told = (add(1, 1) | way.s("about")).delay()
    about = told.get(timeout=10)
    assert (about["id"], about["root_id"], about["parent_id"]) == (told.id, told.parent.id, told.parent.id)


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")
def test_groups(way: Way) -> None:
    add, group = way.add, way.api.group
    result = group(add(n, n) for n in range(5)).delay()
    assert result.get(timeout=10) == [0, 2, 4, 6, 8]
    assert (result.ready(), result.successful(), result.completed_count()) == (True, True, 5)
    assert group(add(1), way.s("mul", 2)).delay(3).get(timeout=10) == [4, 6]
    assert group(add(1, 1) | add(2), group(add(3, 3), add(4, 4))).delay().get(timeout=10) == [4, 6, 8]
    told = group(way.s("about"), way.s("about")).delay()
    assert {about["group"] for about in told.get(timeout=10)} == {told.id}
    if way.api is OURS:
        assert asyncio.run(awaited(result)) == [0, 2, 4, 6, 8]
        assert sorted(result.iterate(timeout=5)) == [0, 2, 4, 6, 8]
        assert {found["status"] for _, found in result.iter_native(timeout=5)} == {"SUCCESS"}
    result.save()
    restored = way.app.GroupResult.restore(result.id)
    assert restored.join(timeout=5) == [0, 2, 4, 6, 8]
    result.forget()
    assert not result.ready()


def test_chords(way: Way) -> None:
    add, group, chord = way.add, way.api.group, way.api.chord
    total, same = way.s("total"), way.s("same")
    result = chord([add(n, n) for n in range(5)], total).delay()
    assert result.get(timeout=10) == 20
    assert result.parent.get(timeout=5) == [0, 2, 4, 6, 8]
    assert chord([add(1), add(2)])(same).get(timeout=10) == [1, 2]
    assert chord([add(1), add(2)], same).delay(10).get(timeout=10) == [11, 12]
    assert chord([], same).delay().get(timeout=10) == []
    assert (group(add(1, 1), add(2, 2)) | total | add(1)).delay().get(timeout=10) == 7
    assert (add(1, 1) | group(add(1), add(2)) | same).delay().get(timeout=10) == [3, 4]
    assert (chord([add(1, 1), add(2, 2)], total) | group(add(1), add(2))).delay().get(timeout=10) == [7, 8]
    assert (group(add(1, 1), add(2, 2)) | group(total, same) | same).delay().get(timeout=10) == [6, [2, 4]]


def test_nested_chords(way: Way) -> None:
    add, group, chord = way.add, way.api.group, way.api.chord
    same = way.s("same")
    inner = chord([add(1, 1), add(2, 2)], same)
    assert chord([inner, add(3, 3)], same).delay().get(timeout=10) == [[2, 4], 6]
    members = [add(1, 1) | add(2), group(add(3, 3), add(4, 4))]
    assert sorted(chord(members, same).delay().get(timeout=10)) == [4, 6, 8]  # Celery turns it round
    ends_in_group = add(1, 1) | group(add(1), add(2))
    assert chord([ends_in_group, add(5, 5)], same).delay().get(timeout=10) == [[3, 4], 10]
    deep = chord([chord([inner, add(1)], same) | same, add(2)], same | way.s("total"))
    assert deep.delay().get(timeout=15) == 9
    wait_until(lambda: not way.server.client.hlen("unacked"), 5)


def test_mappings(way: Way) -> None:
    tasks = way.app.task(name="canvas.add")(canvas_tasks.add)
    assert tasks.map([1, 2]).delay().get(timeout=10) == [1, 2]
    assert tasks.starmap([(1, 1), (2, 2)]).delay().get(timeout=10) == [2, 4]
    assert tasks.chunks([(n, n) for n in range(5)], 2)().get(timeout=10) == [[0, 2], [4, 6], [8]]
    whole = tasks.chunks([(n, n) for n in range(3)], 2).group() | way.s("total")
    assert whole.delay().get(timeout=10) == 6


def test_links(way: Way) -> None:
    noting = way.s("failed_id")
    way.s("add", 1, 1).apply_async(link=[noting, way.s("failed_id")])
    wait_until(lambda: way.noted() == ["failed 2", "failed 2"], 10)
    (way.s("add", 1, 1) | way.s("add", 5)).apply_async(link=noting)
    wait_until(lambda: way.noted()[2:] == ["failed 7"], 10)
    linked = way.s("total")
    linked.link(noting)
    way.api.chord([way.s("add", 1, 2)], linked).delay()
    wait_until(lambda: way.noted()[3:] == ["failed 3"], 10)


def test_failures_go_through_the_whole_work_flow(way: Way) -> None:
    broken, add, chord = way.s("broken"), way.s("add", 1), way.api.chord
    result = (broken | add | add).apply_async(link_error=way.s("failed_id"))
    with pytest.raises(ValueError, match="broken"):
        result.get(timeout=10)
    for before in (result.parent, result.parent.parent):
        assert isinstance(before.get(timeout=10, propagate=False), ValueError)
    wait_until(lambda: way.noted() == [f"failed {result.parent.parent.id}"], 10)
    way.effects.write_text("")
    body = way.s("total")
    body.link_error(way.s("failed_how"))
    body.link_error(way.s("failed_id"))
    result = chord([way.s("add", 1, 1), broken, add | broken | add], body).delay()
    assert error_of(result).startswith("Dependency ")
    assert "broken" in error_of(result)
    wait_until(lambda: len(way.noted()) == 2, 10)
    assert sorted(way.noted()) == [f"failed {result.id}", f"failed {result.id} ChordError True"]
    if way.worker == "ours":  # Celery's does not tell an outer chord
        nested = chord([chord([broken, add], way.s("same")), way.s("add", 2, 2)], way.s("total"))
        assert "ChordError" in error_of(nested.delay())


async def awaited(result: Any) -> Any:
    return await result


def error_of(result: Any) -> str:
    """What a ChordError says. A Celery client's `get` raises what the header's first failure was."""
    if isinstance(result, runtime.AsyncResult):
        error = result.get(timeout=10, propagate=False)
        assert isinstance(error, ChordError)
        return str(error)
    key = f"celery-task-meta-{result.id}"
    stored = wait_until(lambda: result.backend.client.get(key), 10)
    found = json.loads(stored)["result"]
    assert found["exc_type"] == "ChordError"
    return str(found["exc_message"][0])


def test_replacing(way: Way) -> None:
    add, chord = way.s("add", 1), way.api.chord
    replaced = way.s("instead", "plain", 5).delay()
    assert replaced.get(timeout=10) == 6
    assert (way.s("instead", "plain", 5) | add).delay().get(timeout=10) == 7
    assert (way.s("instead", "chain", 5) | add).delay().get(timeout=10) == 17
    assert (way.s("instead", "group", 5) | way.s("total")).delay().get(timeout=10) == 12
    members = [way.s("instead", "chain", 5), way.s("instead", "group", 5), way.s("add", 1, 1)]
    assert chord(members, way.s("same")).delay().get(timeout=10) == [16, [6, 6], 2]


def test_adding_to_a_chord(way: Way) -> None:
    result = way.api.chord([way.s("grow", 1), way.s("add", 2, 2)], way.s("total")).delay()
    assert result.get(timeout=10) == 106


def test_stamps(way: Way) -> None:
    whole: Any = way.api.chord(
        [way.s("about"), way.s("about") | way.s("about")], way.s("same") | way.s("same")
    )
    whole.stamp(tenant="a")
    assert [about["stamps"] for about in whole.delay().get(timeout=10)] == [{"tenant": "a"}] * 2


def test_what_is_killed_has_its_errbacks_called_and_is_a_part(way: Way) -> None:
    killed = way.s("hang").set(time_limit=1)
    killed.link_error(way.s("failed_how"))
    killed.link_error(way.s("failed_id"))
    result = way.api.chord([killed, way.s("add", 1, 1)], way.s("total")).delay()
    assert "TimeLimitExceeded" in error_of(result)
    failed = result.parent[0].id
    expected = {f"failed {failed}", f"failed {failed} TimeLimitExceeded True"}
    wait_until(lambda: set(way.noted()) == expected, 10)


def test_expired_members_report_their_part(way: Way) -> None:
    late = way.s("add", 1, 1).set(expires=-1)
    assert "expired" in error_of(way.api.chord([late, way.s("add", 2, 2)], way.s("total")).delay())


def test_a_group_is_revoked(way: Way) -> None:
    result = way.api.group(way.s("add", 1, 1), way.s("add", 2, 2)).apply_async(countdown=60)
    result.revoke()
    wait_until(result.ready, 10)
    assert [each.state for each in result] == ["REVOKED", "REVOKED"]


def test_empty_ones(way: Way) -> None:
    way.app.set_current()  # they have none of their own
    add, same = way.add, way.s("same")
    group, chain, chord = way.api.group, way.api.chain, way.api.chord
    for empty in (group([]), group([group([])]), group([chain()])):
        result = empty.delay()
        assert (result.get(timeout=5), result.ready(), result.completed_count()) == ([], True, 0)
    assert chain().delay() is None
    assert chord([])(same).get(timeout=10) == []
    assert chord([group([])], same).delay().get(timeout=10) == []
    assert (add(1, 1) | group([])).delay().get(timeout=10) == 2
    assert chain(add(1, 1), group([]), add(1)).delay().get(timeout=10) == 3
    assert (group([]) | same).delay().get(timeout=10) == []


def test_an_errback_of_a_group_is_one_of_each_member(way: Way) -> None:
    whole = way.api.group(way.s("broken"), way.add(1, 1), way.s("broken"))
    whole.link_error(way.s("failed_id"))
    result = whole.delay()
    expected = [f"failed {result[0].id}", f"failed {result[2].id}"]
    wait_until(lambda: sorted(way.noted()) == sorted(expected))
    assert [each.get(timeout=5, propagate=False) == 2 for each in result] == [False, True, False]
    assert (result.failed(), result.successful()) == (True, False)


def test_retries_inside_of_work_flows(way: Way) -> None:
    again, add, total = way.s("again"), way.add, way.s("total")
    assert (add(1, 1) | again | add(1)).delay().get(timeout=10) == 3
    members = [way.s("again", 1), add(1, 1) | again, way.s("again", 2, 2)]
    assert way.api.chord(members, total).delay().get(timeout=10) == 5
    assert way.api.group(way.s("again", 1), way.s("again", 2)).delay().get(timeout=10) == [1, 2]


@pytest.mark.parametrize("serializer", ["json", "msgpack", "yaml"])
@pytest.mark.parametrize("compression", [None, "gzip", "bzip2", "lzma"])
def test_serializers_and_compressions(way: Way, serializer: str, compression: str | None) -> None:
    options = {"serializer": serializer, "compression": compression}
    text = {"a": ["text", 1, 1.5, None, True, "é" * 1000]}
    assert way.s("same", text).apply_async(**options).get(timeout=10) == text
    if serializer == "yaml" and way.api is THEIRS:
        return  # Celery's client cannot write a signature so
    steps = [way.s("same", 1, **options), way.s("add", 2, **options)]
    assert way.api.chain(*steps).delay().get(timeout=10) == 3
    whole = way.api.chord([way.s("add", n, n, **options) for n in range(3)], way.s("total", **options))
    assert whole.delay().get(timeout=10) == 6
