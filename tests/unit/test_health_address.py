"""Where health is served and asked."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runtime.errors import ImproperlyConfigured
from runtime.worker.health.address import listen, parse


@pytest.mark.parametrize(
    ("text", "family", "place"),
    [
        ("127.0.0.1:8080", socket.AF_INET, ("127.0.0.1", 8080)),
        (":8080", socket.AF_INET, ("", 8080)),
        ("localhost:1", socket.AF_INET, ("localhost", 1)),
        ("[::1]:8080", socket.AF_INET6, ("::1", 8080)),
        ("unix:/run/w.sock", socket.AF_UNIX, "/run/w.sock"),
    ],
)
def test_addresses(text: str, family: socket.AddressFamily, place: object) -> None:
    address = parse(text)
    assert (address.text, address.family, address.place) == (text, family, place)


@pytest.mark.parametrize(
    "text", ["", "8080", "host", "host:", "host:port", "host:70000", "::1:80", "unix:x", "[::1]"]
)
def test_what_is_none_is_named(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is no address for --http: give HOST:PORT"):
        parse(text)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("x")
    with pytest.raises(ImproperlyConfigured, match="there is a file of that name"):
        listen(parse(f"unix:{file}"))
    assert file.read_text() == "x"
