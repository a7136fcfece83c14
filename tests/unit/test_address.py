from __future__ import annotations

import ssl
from typing import Any

import pytest

from brokers import registry
from brokers.redis.address import Address, Sentinels, parse
from brokers.redis.options import TLS, TransportOptions


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", Address()),
        ("redis://h", Address(host="h")),
        ("redis://h:6380/3", Address(host="h", port=6380, db=3)),
        ("redis://h?db=4", Address(host="h", db=4)),
        ("redis://:p%40ss%2F@h/", Address(host="h", password="p@ss/")),
        ("redis://u%3A:p@[::1]:7/2", Address(host="::1", port=7, db=2, username="u:", password="p")),
        ("rediss://h", Address(host="h", tls=TLS())),
        ("redis+socket:///a%20b/s?virtual_host=2", Address(path="/a b/s", db=2)),
        ("redis+socket:///s?virtual_host=/5", Address(path="/s", db=5)),
        ("redis+socket://:p@/s", Address(path="/s", password="p")),
        ("unix:///s?db=1", Address(path="/s", db=1)),
        (
            "redis://h?visibility_timeout=60",
            Address(host="h", transport=TransportOptions(visibility_timeout=60)),
        ),
    ],
)
def test_urls(url: str, address: Address) -> None:
    assert parse(url) == address


def test_sentinel_urls() -> None:
    url = "sentinel://u:p%40ss@h/3;sentinel://[::1]:7/3?socket_timeout=4"
    kwargs = {"password": "x", "ssl_cert_reqs": "none", "socket_timeout": 2}
    address = parse(url, {"master_name": "main", "sentinel_kwargs": kwargs, "ssl": True})
    how: dict[str, Any] = {
        "password": "x",
        "tls": TLS(ssl_cert_reqs="none"),
        "transport": TransportOptions(socket_timeout=2),
    }
    assert address == Address(
        sentinels=Sentinels(
            (Address(host="h", port=26379, **how), Address(host="::1", port=7, **how)), "main"
        ),
        db=3,
        username="u",
        password="p@ss",
        tls=TLS(),
        transport=TransportOptions(socket_timeout=4),
    )
    assert "host" not in address.client_options()
    assert address.at("h2", 8) == Address(
        host="h2",
        port=8,
        db=3,
        username="u",
        password="p@ss",
        tls=TLS(),
        transport=TransportOptions(socket_timeout=4),
    )


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("visibility_timeout", "43200", 43200.0),
        ("visibility_timeout", 1, 1.0),
        ("priority_steps", [9, 0, 5], (0, 5, 9)),
        ("priority_steps", range(10), tuple(range(10))),
        ("priority_steps", "0,5", (0, 5)),
        ("sep", ":", ":"),
        ("queue_order_strategy", "sorted", "sorted"),
        ("unacked_restore_limit", "10", 10),
        ("fanout_prefix", False, False),
        ("fanout_prefix", "true", True),
        ("fanout_prefix", "/mine.", "/mine."),
        ("fanout_patterns", "no", False),
        ("global_keyprefix", "p:", "p:"),
        ("socket_timeout", None, None),
        ("socket_timeout", "2.5", 2.5),
        ("max_connections", 5, 5),
    ],
)
def test_transport_options(name: str, value: object, read: object) -> None:
    assert getattr(parse("redis://h", {name: value}).transport, name) == read


def test_what_is_given_goes_before_the_query() -> None:
    transport = parse("redis://h?sep=a&global_keyprefix=b", {"sep": "c"}).transport
    assert (transport.sep, transport.global_keyprefix) == ("c", "b")


@pytest.mark.parametrize("value", ["none", "CERT_NONE", ssl.CERT_NONE])
def test_tls_options(value: object) -> None:
    address = parse("rediss://h?ssl_ca_certs=/ca.pem", {"ssl_cert_reqs": value})
    assert address.tls == TLS(ssl_cert_reqs="none", ssl_ca_certs="/ca.pem")
    assert address.client_options()["ssl"] is True
    assert address.client_options()["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize(
    ("url", "options", "says"),
    [
        ("http://h", {}, "scheme 'http'.*redis, rediss"),
        ("redis://h:x", {}, "port in 'h:x'.*1 to 65535"),
        ("redis://h:0", {}, "port in 'h:0'"),
        ("redis://h:70000", {}, "port in 'h:70000'"),
        ("redis://h/name", {}, "database 'name'.*number"),
        ("redis://h/-1", {}, "database '-1'"),
        ("redis+socket://", {}, "redis\\+socket:///the/path"),
        ("redis+socket://h/s", {}, "redis\\+socket:///the/path"),
        ("redis://h", {"visibilty_timeout": 3}, "'visibilty_timeout' .*3.*'visibility_timeout'"),
        ("redis://h?unknown=3", {}, "unknown transport option 'unknown' .*'3'"),
        ("redis://h", {"visibility_timeout": "x"}, "visibility_timeout='x': must be a number of seconds"),
        ("redis://h", {"visibility_timeout": -1}, "number of seconds"),
        ("redis://h", {"visibility_timeout": True}, "number of seconds"),
        ("redis://h", {"visibility_timeout": "nan"}, "number of seconds"),
        ("redis://h", {"priority_steps": []}, "priorities from 0 to 9"),
        ("redis://h", {"priority_steps": [0, 10]}, "priorities from 0 to 9"),
        ("redis://h", {"priority_steps": [3, 6]}, "0 among them"),
        ("redis://h", {"priority_steps": ["a", 0]}, "a list of priorities"),
        ("redis://h", {"priority_steps": "0,x"}, "a list of priorities"),
        ("redis://h", {"priority_steps": 3}, "a list of priorities"),
        ("redis://h", {"sep": ""}, "sep='': must be a string that is not empty"),
        ("redis://h", {"queue_order_strategy": "best"}, "'round_robin' or 'sorted'"),
        ("redis://h", {"fanout_patterns": "maybe"}, "true or false"),
        ("redis://h", {"global_keyprefix": 3}, "a string"),
        ("redis://h", {"max_connections": 0}, "above 0"),
        ("redis://h", {"body_encoding": "rot13"}, "'base64'"),
        ("redis://h?ssl_cert_reqs=none", {}, "ssl_cert_reqs need a rediss://"),
        ("rediss://h?ssl_cert_reqs=maybe", {}, "'none', 'optional' or 'required'"),
        ("rediss://h?ssl_cafile=/x", {}, "'ssl_cafile'"),
        ("redis://h?master_name=m", {}, "master_name need a sentinel:// URL"),
        ("sentinel://h", {}, "without the transport option master_name"),
        ("sentinel://h", {"master_name": ""}, "master_name='': must be a string that is not empty"),
        ("sentinel://:26379?master_name=m", {}, ":26379.*': must be sentinel://host:26379"),
        ("sentinel://h;h2?master_name=m", {}, "'h2.*': must be sentinel://host:26379"),
        ("sentinel://h:x?master_name=m", {}, "port in 'h:x'"),
        ("sentinel://h;sentinel://h2/1?master_name=m", {}, "'h2': .*database must be as in the first"),
        ("sentinel://h;sentinel://:p@h2?master_name=m", {}, "'h2': user, password"),
        ("sentinel://h?master_name=m&sentinel_kwargs=p", {}, "sentinel_kwargs='p': must be a mapping"),
        ("sentinel://h?master_name=m", {"sentinel_kwargs": {"password": 1}}, "password=1: must be a string"),
        (
            "sentinel://h?master_name=m",
            {"sentinel_kwargs": {"passwrd": ""}},
            "unknown transport option 'passwrd'",
        ),
        ("sentinel://h?master_name=m&min_other_sentinels=-1", {}, "whole number, 0 or more"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    url: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        parse(url, options)


def test_keys() -> None:
    address = parse("redis://h", {"global_keyprefix": "p-"})
    assert address.list_keys("q") == ("p-q", "p-q\x06\x163", "p-q\x06\x166", "p-q\x06\x169")
    steps = [address.list_keys("q").index(address.list_key("q", priority)) for priority in range(10)]
    assert steps == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert address.list_key("q", -5) == "p-q"
    assert address.list_key("q", 50) == "p-q\x06\x169"
    assert address.key("unacked") == "p-unacked"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://u:secret@h:1/2", "redis://u:**@h:1/2"),
        ("redis://:secret@[::1]", "redis://:**@[::1]:6379/0"),
        ("rediss://u@h", "rediss://u@h:6379/0"),
        (
            "sentinel://:secret@h/1;sentinel://i:7?master_name=m",
            "sentinel://:**@h:26379;sentinel://:**@i:7/1?master_name=m",
        ),
        ("redis+socket://:secret@/a%20b?virtual_host=1", "redis+socket://:**@/a%20b?virtual_host=1"),
    ],
)
def test_no_password_where_people_read(url: str, masked: str) -> None:
    address = parse(url)
    assert address.masked() == masked
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://h/0", "redis://H:6379/5", True),
        ("redis://h", "redis://h?global_keyprefix=x", True),
        ("redis://h", "redis://h:6380", False),
        ("redis://h", "rediss://h", False),
        ("redis://h", "redis://:p@h", False),
        ("redis+socket:///s", "unix:///s?db=3", True),
        ("redis+socket:///s", "redis+socket:///t", False),
        ("redis+socket:///s", "redis://localhost", False),
        ("sentinel://h;sentinel://i?master_name=m", "sentinel://i/;sentinel://h?db=4&master_name=m", True),
        ("sentinel://h?master_name=m", "sentinel://h?master_name=n", False),
        ("sentinel://h:6379?master_name=m", "redis://h", False),
    ],
)
def test_same_server(one: str, other: str, same: bool) -> None:
    assert parse(one).same_server(parse(other)) is same


def test_unknown_schemes_are_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'amqp'.*redis, rediss, redis\+socket, unix, sentinel, embedded"):
        registry.open_publisher("amqp://h")
