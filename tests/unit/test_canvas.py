"""Signatures as data: how they are joined, frozen, and what is sent for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brokers.envelope import parse
from runtime import App, Signature, StampingVisitor, chain, chord, group
from runtime.canvas.freeze import frozen
from runtime.canvas.plan import Plan, plan
from runtime.canvas.reference import ends, reference
from runtime.errors import ImproperlyConfigured
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import read_body


def s(name: str, *args: Any, **options: Any) -> Signature:
    return Signature(name, args, options=options)


def sent(signature: Signature, *args: Any) -> Plan:
    return plan(frozen(signature), args)


def names(signatures: Any) -> list[str]:
    return [Signature.from_dict(each).task for each in signatures]


def test_joining() -> None:
    assert names((s("a") | s("b") | s("c")).members()) == ["a", "b", "c"]
    assert names(chain(s("a"), chain(s("b"), s("c"))).members()) == ["a", "celery.chain"]
    upgraded = group(s("a"), s("b")) | s("c")
    assert isinstance(upgraded, chord)
    assert (names(upgraded.tasks), upgraded.body.task) == (["a", "b"], "c")
    assert names((upgraded | s("d")).kwargs["body"].members()) == ["c", "d"]
    assert (s("a") | group()) == s("a")
    with pytest.raises(TypeError):
        s("a") | 3


def test_every_signature_is_its_own_data() -> None:
    whole = s("a") | group(s("b"), chord([s("c")], s("d", 1))) | s("e")
    read = Signature.from_dict(json.loads(json.dumps(whole.to_dict(), default=lambda each: each.to_dict())))
    assert (read, type(read)) == (whole, type(whole))
    before = repr(whole.to_dict())
    sent(whole)
    assert repr(whole.to_dict()) == before


def test_a_chain_is_sent_by_its_first_step() -> None:
    whole = chain(s("a"), chain(s("b"), s("c")), link=[s("ok")], link_error=[s("no")])
    [call] = sent(whole, 5).calls
    assert (call.task, call.args) == ("a", (5,))
    rest = call.options["chain"]
    assert names(rest) == ["c", "b"]
    assert [each["options"].get("link") for each in rest] == [[s("ok")], None]
    assert all(each["options"]["link_error"] == [s("no")] for each in rest)
    assert call.options["link_error"] == [s("no")]


def test_a_group_that_is_followed_becomes_a_chord() -> None:
    whole = frozen(chain(s("a"), group(s("b"), s("c")), s("d"), group(s("e"), s("f")), s("g")))
    assert names(whole.members()) == ["a", "celery.chord", "celery.chord"]
    second = whole.members()[1]
    assert isinstance(second, chord)
    assert second.body.task == "d"
    assert names(frozen(s("a") | group(s("b"))).members()) == ["a", "b"]
    assert names(frozen(chain(group(), s("a"), group())).members()) == ["a"]
    with pytest.raises(ValueError, match="a chain needs a task"):
        frozen(chain())


def test_a_chord_is_sent_by_its_header() -> None:
    whole = chord([s("a") | s("b"), group(s("c"), s("d")), chord([s("e")], s("f"))], s("body"), task_id="B")
    planned = sent(whole, 1)
    assert [(call.task, call.args) for call in planned.calls] == [
        ("a", (1,)),
        ("c", (1,)),
        ("d", (1,)),
        ("e", (1,)),
    ]
    outer, inner = sorted(planned.chords, key=lambda begun: -begun.size)
    assert (outer.size, inner.size) == (4, 1)
    first, *others = planned.calls
    assert "chord" not in first.options
    last = first.options["chain"][0]["options"]
    assert (last["group_id"], last["group_index"], last["chord"]["task"]) == (outer.group_id, 0, "body")
    assert [call.options["group_index"] for call in others] == [1, 2, 0]
    body = others[-1].options["chord"]
    assert (body["task"], body["options"]["group_id"]) == ("f", outer.group_id)
    assert body["options"]["chord"]["options"]["task_id"] == "B"
    assert sent(chord([], s("body"))).calls[0].args == ([],)


def test_what_a_chord_is_sent_with_belongs_to_its_body() -> None:
    rest = [s("z").to_dict()]
    whole = chord([s("a")], s("b") | s("c"), chain=rest, link=[s("ok")], queue="q", countdown=5)
    [call] = sent(whole).calls
    assert (call.options["countdown"], call.options["queue"]) == (5, "q")
    assert "chain" not in call.options
    body = call.options["chord"]
    assert (body["task"], names(body["options"]["chain"])) == ("b", ["z", "c"])
    assert body["options"]["chain"][1]["options"]["link"] == [s("ok")]
    assert "countdown" not in body["options"]


def test_references_and_what_fails_together() -> None:
    whole = frozen(
        s("a", task_id="A") | group(s("b", task_id="B"), s("c", task_id="C")) | s("d", task_id="D")
    )
    found = reference(whole)
    assert found[0][0] == "D"
    header = found[0][1]
    assert (header[0][1], [each[0][0] for each in header[1]]) == ([["A", None], None], ["B", "C"])
    assert [end.task_id for end in ends(whole)] == ["A", "D"]
    nested = chord([s("a")], chord([s("b")], s("c", task_id="C")), chain=[s("d", task_id="D").to_dict()])
    assert [end.task_id for end in ends(frozen(nested))] == ["C", "D"]


def test_stamps() -> None:
    class ByName(StampingVisitor):
        def on_signature(self, sig: Signature, **stamps: Any) -> dict[str, Any]:
            return {"named": sig.task}

    whole = chord([s("a"), s("b") | s("c")], s("d"))
    whole.body.link(s("e"))
    whole.stamp(ByName(), tenant=1)
    planned = sent(whole)
    for call in planned.calls:
        assert sorted(call.options["stamped_headers"]) == ["named", "tenant"]
        assert (call.options["named"], call.options["tenant"]) == (call.task, 1)
    body = planned.calls[0].options["chord"]["options"]
    assert (body["named"], body["link"][0].options["named"]) == ("d", "e")
    one = s("a").stamp(x=1)
    assert one.stamp(append_stamps=True, x=2).options["x"] == [1, 2]


def test_a_chord_needs_a_result_store() -> None:
    app = App("t", result_backend=None, set_as_current=False)
    with pytest.raises(ImproperlyConfigured, match="a chord needs a result store"):
        chord([app.signature("a")], app.signature("b")).delay()


@pytest.mark.parametrize("serializer", ["json", "yaml", "msgpack", "pickle"])
def test_every_serializer_carries_work_flows(serializer: str) -> None:
    app = App("t", set_as_current=False, task_serializer=serializer)
    body = app.signature("body")
    body.link(app.signature("after", (1,)))
    one, two = app.messages(chord([app.signature("a"), app.signature("b")], body)).pushes
    found = [
        read_body(parse(push.message), accepted_types([serializer])).embed["chord"] for push in (one, two)
    ]
    assert found[0] == found[1]
    assert (found[0]["task"], found[0]["options"]["link"][0]["task"]) == ("body", "after")
