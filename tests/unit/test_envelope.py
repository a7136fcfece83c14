from __future__ import annotations

import bz2
import json
import lzma
import zlib
from base64 import b64encode
from typing import Any

import pytest

from brokers.envelope import MalformedMessage, build, deaths, parse, redelivered, restores, uncounted

BODY = b'[[1], {}, {"chain": null}]'


def fields(**changes: Any) -> dict[str, Any]:
    """The envelope of a Celery message, with some members changed."""
    return {
        "body": b64encode(BODY).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "proj.add", "id": "7"},
        "properties": {"body_encoding": "base64", "priority": 3, "delivery_info": {"exchange": ""}},
    } | changes


def test_what_is_built_is_parsed_again() -> None:
    message = build(BODY, {"task": "proj.add"}, {"priority": 4}, "application/x-msgpack", "binary")
    envelope = parse(message)
    assert envelope.content() == BODY
    assert (envelope.content_type, envelope.content_encoding) == ("application/x-msgpack", "binary")
    assert envelope.headers == {"task": "proj.add"}
    assert envelope.properties == {"priority": 4, "body_encoding": "base64"}


def test_content_type_and_encoding_have_defaults() -> None:
    envelope = parse(json.dumps(fields(**{"content-type": None, "content-encoding": None})).encode())
    assert (envelope.content_type, envelope.content_encoding) == ("application/json", "utf-8")


@pytest.mark.parametrize(
    ("priority", "means"), [(0, 0), (9, 9), (12, 9), (-3, 0), (None, 0), ("5", 0), (float("nan"), 0)]
)
def test_priority(priority: object, means: int) -> None:
    assert parse(json.dumps(fields(properties={"priority": priority})).encode()).priority == means


def test_body_without_encoding_is_used_as_it_is() -> None:
    assert parse(json.dumps(fields(body="[é]", properties={})).encode()).content() == "[é]".encode()


@pytest.mark.parametrize(
    ("compression", "compress"),
    [
        ("application/x-gzip", zlib.compress),
        ("application/x-bz2", bz2.compress),
        ("application/x-lzma", lzma.compress),
    ],
)
def test_compressed_body(compression: str, compress: Any) -> None:
    assert parse(build(compress(BODY), {"compression": compression}, {})).content() == BODY


@pytest.mark.parametrize("compression", ["application/x-gzip", "application/x-lzma", "application/x-bz2"])
def test_body_that_cannot_be_decompressed(compression: str) -> None:
    with pytest.raises(MalformedMessage, match="decompressed"):
        parse(build(BODY, {"compression": compression}, {})).content()


@pytest.mark.parametrize("compression", ["application/x-snappy", ["list"], 5])
def test_unknown_compression_is_named(compression: object) -> None:
    with pytest.raises(MalformedMessage, match=r"compression .* is not supported"):
        parse(build(BODY, {"compression": compression}, {})).content()


@pytest.mark.parametrize("body", ["???", "\ud800", "YQ"])
def test_body_that_is_not_base64(body: str) -> None:
    with pytest.raises(MalformedMessage, match="base64"):
        parse(json.dumps(fields(body=body)).encode()).content()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"body": "', "not JSON"),
        (b"[" * 10_000, "not JSON"),
        (b'{"body":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "not JSON"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"[1, 2]", "not an object"),
        (b"{}", "no 'body'"),
        (json.dumps(fields(body=5)).encode(), "is not a string"),
        (json.dumps(fields(**{"content-type": ["x"]})).encode(), "is not a string"),
        (json.dumps(fields(headers=[])).encode(), "not both objects"),
        (json.dumps(fields(properties=None)).encode(), "not both objects"),
    ],
)
def test_malformed_messages_are_refused_with_the_reason(message: bytes, says: str) -> None:
    with pytest.raises(MalformedMessage, match=says):
        parse(message)


def test_the_json_that_only_python_writes_is_read() -> None:
    headers = {"nan": float("inf"), "half": "\ud83d", "big": 2**70}
    assert parse(json.dumps(fields(headers=headers)).encode()).headers == headers


def test_redelivered_marks_both_places_and_changes_nothing_else() -> None:
    headers = {"task": "a", "inf": float("inf"), "half": "\ud83d", "big": 2**70, "list": []}
    message = json.dumps(fields(headers=headers)).encode()
    marked = json.loads(redelivered(message))
    assert marked["headers"].pop("redelivered") is True
    assert marked["properties"]["delivery_info"].pop("redelivered") is True
    assert marked == json.loads(message)


def counts(message: bytes) -> tuple[int, int]:
    properties = parse(message).properties
    return deaths(properties), restores(properties)


def test_deaths_and_restores_are_carried_on() -> None:
    message = json.dumps(fields()).encode()
    assert counts(message) == (0, 0)
    once = redelivered(message, deaths=1)
    assert counts(redelivered(once)) == (1, 0)
    restored = redelivered(redelivered(once, restored=True), restored=True)
    assert counts(restored) == (1, 2)
    assert counts(redelivered(restored, deaths=2)) == (2, 2)


@pytest.mark.parametrize("info", [None, [], {"deaths": "3", "restores": True}, {"deaths": None}])
def test_counts_that_a_producer_made_up_are_none(info: object) -> None:
    message = json.dumps(fields(properties={"delivery_info": info})).encode()
    assert counts(message) == (0, 0)


def test_a_message_can_be_stripped_of_its_counts() -> None:
    message = json.dumps(fields()).encode()
    assert uncounted(message) is message
    marked = redelivered(message)
    stripped = uncounted(redelivered(redelivered(message, deaths=3), restored=True))
    assert json.loads(stripped) == json.loads(marked)


@pytest.mark.parametrize("message", [b"", b"\xff", b"[1]", b"{}", json.dumps(fields(properties=1)).encode()])
def test_what_is_no_envelope_is_not_stripped(message: bytes) -> None:
    assert uncounted(message) is message


@pytest.mark.parametrize(
    "message", [b"", b"[1]", b"{}", b"[" * 100_000, json.dumps(fields(headers=3)).encode()]
)
def test_what_is_no_envelope_is_redelivered_as_it_is(message: bytes) -> None:
    assert redelivered(message) == message
