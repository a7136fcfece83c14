"""Sentinels are asked in turn; what they cannot tell is an error that names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokers.interface import BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address, parse
from brokers.redis.sentinel import find_master
from tests.support.replicated import NAME, PASSWORD, Replicated, free_port
from tests.support.servers import BINARIES


@pytest.fixture(scope="module", params=sorted(BINARIES))
def replicated(request: pytest.FixtureRequest) -> Iterator[Replicated]:
    with Replicated(request.param) as replicated:
        yield replicated


def found(address: Address) -> tuple[str, int]:
    assert address.sentinels is not None
    return find_master(address.sentinels, timeout=5)


def test_the_first_that_answers_is_believed(replicated: Replicated) -> None:
    assert found(parse(replicated.url, replicated.options)) == ("127.0.0.1", replicated.master_port)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"master_name": "nobody"}, BrokerUnavailable, "No such master"),
        ({"sentinel_kwargs": {"password": "wrong"}}, BrokerUnavailable, "WRONGPASS"),
        ({"sentinel_kwargs": {}}, BrokerUnavailable, "NOAUTH"),
        ({"min_other_sentinels": 1}, BrokerUnavailable, "sees only 0 others"),
    ],
)
def test_each_says_why_not(
    replicated: Replicated, options: dict[str, object], error: type[Exception], says: str
) -> None:
    address = parse(replicated.url, replicated.options | options)
    with pytest.raises(error, match=f"Connection refused.*{says}"):
        found(address)


def test_it_is_no_use_to_ask_again_if_all_refuse(replicated: Replicated) -> None:
    url = replicated.url.partition(";")[2]
    with pytest.raises(BrokerRefused, match="No such master"):
        found(parse(url, {"master_name": "nobody", "sentinel_kwargs": {"password": PASSWORD}}))


def test_no_sentinel_at_all() -> None:
    with pytest.raises(BrokerUnavailable, match="Connection refused"):
        found(parse(f"sentinel://127.0.0.1:{free_port()}", {"master_name": NAME}))
