from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import Any

import pytest

from brokers import envelope
from brokers.envelope import Envelope, MalformedMessage
from runtime.errors import ContentDisallowed, EncodeError
from runtime.protocol.argument_text import LIMIT, text
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import build, read, read_body

JSON = accepted_types(["json"])


def built(*args: Any, **options: Any) -> Envelope:
    kwargs = options.pop("kwargs", {})
    return envelope.parse(build("t.add", args, kwargs, **{"id": "7", "queue": "q", **options}).message)


def with_headers(**changes: Any) -> Envelope:
    found = built(1)
    found.headers.update(changes)
    return found


def with_body(body: Any, **properties: Any) -> Envelope:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope(b64encode(data).decode(), "application/json", "utf-8", {}, {"body_encoding": "base64"})


def test_what_was_built_is_read() -> None:
    due = time.time() + 10
    message = read(
        built(
            1,
            2,
            eta=due,
            expires=due + 1,
            time_limit=5,
            soft_time_limit=3.5,
            retries=2,
            root_id="r",
            parent_id="p",
            group="g",
            group_index=4,
            shadow="s",
            ignore_result=True,
            priority=6,
            headers={"own": [1]},
            properties={"app_id": "a"},
        )
    )
    assert (message.name, message.id, message.retries) == ("t.add", "7", 2)
    assert message.eta == pytest.approx(due, abs=1e-5)
    assert message.expires == pytest.approx(due + 1, abs=1e-5)
    assert (message.time_limit, message.soft_time_limit) == (5, 3.5)
    assert (message.root_id, message.parent_id, message.group, message.group_index) == ("r", "p", "g", 4)
    assert (message.shadow, message.ignore_result, message.priority) == ("s", True, 6)
    assert (message.argsrepr, message.kwargsrepr) == ("(1, 2)", "{}")
    assert message.custom_headers == {"own": [1]}
    assert message.correlation_id == "7"
    assert message.delivery_info == {"exchange": "", "routing_key": "q"}
    assert not message.redelivered
    assert message.properties["app_id"] == "a"
    assert int(message.properties["expiration"]) == pytest.approx(11_000, abs=1000)


def test_redelivery_shows_wherever_it_is_marked() -> None:
    assert read(with_headers(redelivered=True)).redelivered
    found = built(1)
    found.properties["delivery_info"]["redelivered"] = True
    assert read(found).redelivered


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("id", ""),
        ("id", 7),
        ("id", None),
        ("task", ""),
        ("task", ["x"]),
        ("eta", "tomorrow"),
        ("eta", float("nan")),
        ("eta", 1e300),
        ("eta", "99999-01-01T00:00:00"),
        ("expires", []),
        ("timelimit", 5),
        ("timelimit", [1]),
        ("timelimit", [-1, None]),
        ("timelimit", [float("nan"), None]),
        ("timelimit", ["1", None]),
        ("timelimit", [True, None]),
        ("retries", "1"),
        ("retries", -1),
        ("retries", True),
        ("root_id", 1),
        ("parent_id", {}),
        ("group", []),
        ("shadow", 3),
    ],
)
def test_a_header_that_is_wrong_is_named(header: str, value: Any) -> None:
    with pytest.raises(MalformedMessage, match=f"header {header} "):
        read(with_headers(**{header: value}))


def test_a_time_without_an_offset_is_utc() -> None:
    assert read(with_headers(eta="1970-01-01T00:01:00")).eta == 60
    assert read(with_headers(eta="1970-01-01T01:01:00+01:00")).eta == 60
    assert read(with_headers(eta="1970-01-01T00:01:00Z")).eta == 60


def test_protocol_1_is_read() -> None:
    found = with_body(
        {
            "task": "t.add",
            "id": "7",
            "args": [1],
            "kwargs": {"y": 2},
            "taskset": "g",
            "retries": 1,
            "eta": "1970-01-01T00:01:00",
            "utc": True,
            "callbacks": [{"task": "t.next"}],
            "timelimit": [5, None],
        }
    )
    message = read(found)
    assert (message.name, message.id, message.group, message.retries) == ("t.add", "7", "g", 1)
    assert (message.eta, message.time_limit) == (60, 5)
    args, kwargs, embed = read_body(found, JSON)
    assert (args, kwargs, embed["callbacks"]) == ([1], {"y": 2}, [{"task": "t.next"}])


@pytest.mark.parametrize("body", [[], {}, b"rubbish", 3, {"id": "7"}])
def test_without_a_task_anywhere_it_is_no_task(body: Any) -> None:
    with pytest.raises(MalformedMessage, match="no task header, and the body is"):
        read(with_body(body))


def test_the_body_is_read() -> None:
    args, kwargs, embed = read_body(built(1, "x", kwargs={"a": None}, chain=[{"task": "next"}]), JSON)
    assert (args, kwargs) == ([1, "x"], {"a": None})
    assert embed == {"callbacks": None, "errbacks": None, "chain": [{"task": "next"}], "chord": None}


@pytest.mark.parametrize(
    "body",
    [
        b"rubbish",
        b"",
        b"[" * 10_000,
        3,
        [],
        [[], {}],
        [[], {}, {}, {}],
        ["ab", {}, {}],
        [[], [], {}],
        [[], {}, 3],
        [[], {}, {"callbacks": "x"}],
        [[], {}, {"chain": {"a": 1}}],
        [{}, {}, {}],
    ],
)
def test_a_body_of_another_shape_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedMessage):
        read_body(with_body(body), JSON)


def test_a_body_that_is_not_accepted_is_not_read() -> None:
    with pytest.raises(ContentDisallowed):
        read_body(built(1, serializer="pickle"), JSON)


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "lzma", "application/x-gzip"])
def test_a_compressed_body_is_read(compression: str) -> None:
    found = built("x" * 1000, compression=compression)
    assert len(found.body) < 300
    assert read_body(found, JSON).args == ["x" * 1000]


def test_what_cannot_be_sent_is_the_senders_error() -> None:
    with pytest.raises(EncodeError):
        built(object())
    with pytest.raises(EncodeError, match=r"headers of task t\.add"):
        built(1, headers={"own": object()})


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [
        ("x" * 10**6,),
        list(range(10**5)),
        {str(key): key for key in range(10**4)},
        ([[["x" * 5000] * 50] * 50],),
    ],
    ids=["text", "list", "dict", "nested"],
)
def test_the_printable_form_is_bounded(value: Any) -> None:
    assert len(text(value)) <= LIMIT


def test_the_printable_form_of_little_is_its_repr() -> None:
    for value in ((), {}, (1, "a'", None, 2.5, True), {"a": "é", "b": None}, [1]):
        assert text(value) == repr(value)
    assert "Unprintable" in text((Unprintable(),))
