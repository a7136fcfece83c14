from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from runtime.protocol.serializers import accepted_types, decode, encode, named

EVERY = ["json", "msgpack", "yaml", "pickle"]


@pytest.mark.parametrize("name", EVERY)
def test_each_reads_what_it_writes(name: str) -> None:
    value = [1, {"a": "é"}, None]
    content_type = named(name).content_type
    assert decode(encode(value, name), content_type, accepted_types([name])) == value


@pytest.mark.parametrize("name", EVERY)
def test_rubbish_is_one_error(name: str) -> None:
    with pytest.raises(DecodeError):
        decode(b"\xc1\x80: rubbish", named(name).content_type, accepted_types([name]))
    with pytest.raises(EncodeError):
        encode(lambda: None, name)


def test_what_is_not_accepted_is_not_read() -> None:
    accept = accepted_types(["json"])
    with pytest.raises(ContentDisallowed, match="x-python-serialize' is not accepted"):
        decode(b"", "application/x-python-serialize", accept)
    with pytest.raises(ContentDisallowed):
        decode(b"", "application/whatever", accept)


def test_a_name_or_a_content_type_will_do() -> None:
    assert accepted_types(["pickle", "application/json"]) == {
        "application/x-python-serialize",
        "application/json",
    }


@pytest.mark.parametrize("name", ["xml", "application/xml"])
def test_an_unknown_name_lists_the_known(name: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"no serializer '{name}'; there are json, msgpack"):
        accepted_types([name])
