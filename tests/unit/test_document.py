from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any

import pytest

from brokers.interface import Write
from runtime.errors import DecodeError, EncodeError, SecurityError
from runtime.results import document, states
from runtime.results.document import About
from runtime.results.keys import ResultKeys
from runtime.settings import Settings


@pytest.mark.parametrize("value", [None, 10, "é", {"a": [None]}, b"x", float("inf"), [2**70]], ids=repr)
def test_a_success_is_read_again(value: Any) -> None:
    found = document.decode(document.encode(states.SUCCESS, value, message=About("7")))
    assert (found.state, found.result, found.traceback, list(found.children)) == ("SUCCESS", value, None, [])
    assert found.date_done is not None
    assert datetime.fromisoformat(found.date_done).tzinfo is not None


def test_a_failure_holds_the_exception() -> None:
    stored = document.encode(
        states.FAILURE, ValueError("x"), message=About("7", "g", "p"), traceback="Traceback …"
    )
    fields = json.loads(stored)
    assert fields["result"] == {"exc_type": "ValueError", "exc_module": "builtins", "exc_message": ["x"]}
    assert (fields["task_id"], fields["group_id"], fields["parent_id"]) == ("7", "g", "p")
    found = document.decode(stored)
    assert (type(found.result), found.traceback) == (ValueError, "Traceback …")


def test_a_state_of_ones_own_has_no_end() -> None:
    fields = json.loads(document.encode("PROGRESS", {"done": 1}, message=About("7")))
    assert (fields["status"], fields["result"], fields["date_done"]) == ("PROGRESS", {"done": 1}, None)
    assert "group_id" not in fields


def test_what_is_extended_is_there_too() -> None:
    extended = {"name": "t.add", "args": (1, b"x"), "kwargs": {}, "queue": "q"}
    found = document.decode(document.encode(states.SUCCESS, 1, message=About("7"), extended=extended))
    assert found.fields["args"] == [1, b"x"]
    assert found.fields["queue"] == "q"


def test_a_result_that_cannot_be_encoded_is_an_error() -> None:
    with pytest.raises(EncodeError):
        document.encode(states.SUCCESS, object(), message=About("7"))


def test_another_serializer_will_do() -> None:
    stored = document.encode(states.SUCCESS, {"a": 1}, message=About("7"), serializer="pickle")
    assert document.decode(stored, "pickle").result == {"a": 1}


def test_a_compressed_document_is_read() -> None:
    plain = document.encode(states.SUCCESS, "x", message=About("7"))
    stored = b"\x00celery-compressed\x00application/x-gzip\x00" + zlib.compress(plain)
    assert document.decode(stored).result == "x"
    with pytest.raises(DecodeError, match="compression b'zip' of a result is not supported"):
        document.decode(b"\x00celery-compressed\x00zip\x00" + plain)
    with pytest.raises(DecodeError, match="cannot be decompressed"):
        document.decode(b"\x00celery-compressed\x00application/x-gzip\x00" + plain)


@pytest.mark.parametrize("stored", [b"", b"rubbish", b"[]", b"{}", b'{"status": 3}'])
def test_what_is_no_document_is_a_decode_error(stored: bytes) -> None:
    with pytest.raises(DecodeError):
        document.decode(stored)


def test_a_document_may_not_name_a_function() -> None:
    wire = {"exc_type": "system", "exc_module": "os", "exc_message": ["x"]}
    with pytest.raises(SecurityError):
        document.decode(json.dumps({"status": "FAILURE", "result": wire}).encode())


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "celery-task-meta-7"),
        ("rpx", "rpx_celery-task-meta-7"),
        ("rpx-", "rpx-celery-task-meta-7"),
        ("rpx.", "rpx.celery-task-meta-7"),
        ("rpx:", "rpx:celery-task-meta-7"),
    ],
)
def test_keys_carry_the_prefix(prefix: str, key: str) -> None:
    keys = ResultKeys.of(Settings({"result_backend_transport_options": {"global_keyprefix": prefix}}))
    assert keys.key("7") == key
    assert keys.writes("7", b"{}") == (Write(key, b"{}", 86400),)


def test_expiry_and_the_absence_of_a_store() -> None:
    assert ResultKeys.of(Settings({"result_expires": None})).writes("7", b"{}")[0].expires == 0
    assert ResultKeys.of(Settings({"result_backend": None})).writes("7", b"{}") == ()
