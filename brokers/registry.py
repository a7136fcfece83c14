"""Finds the broker that the scheme of a URL means, and opens a side of it.

`redis://`, `rediss://`, `redis+socket://`, `unix://`: a Redis or Valkey server (`brokers.redis`).
`sentinel://`: the one that sentinels name as the master.
`embedded://`: the same on a server of our own (`brokers.embedded`), found or started.

What a side needs is imported when it is opened: redis-py alone would triple the time that
`import runtime` takes. Options are transport options (`brokers.redis.options`).

Every function raises BrokerMisconfigured for a scheme, URL or option that is wrong, naming it and what would
be right, and BrokerRefused when the embedded server cannot be started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from brokers.dead_letter import DEFAULT_RETENTION, Retention
from brokers.interface import (
    Binding,
    BrokerMisconfigured,
    Caller,
    Consumer,
    DeadLetters,
    Mailbox,
    Publisher,
    Results,
    Waiter,
)

if TYPE_CHECKING:
    from brokers.redis.address import Address

SCHEMES = ("redis", "rediss", "redis+socket", "unix", "sentinel", "embedded")

Options = Mapping[str, object]


def open_publisher(url: str, options: Options | None = None) -> Publisher:
    """The sender's side. Connects when it is first used."""
    address = locate(url, options)
    from brokers.redis.publisher import RedisPublisher

    return RedisPublisher(address)


def open_results(url: str, options: Options | None = None) -> Results:
    """Stored results. Connects when it is first used."""
    address = locate(url, options)
    from brokers.redis.results import RedisResults

    return RedisResults(address)


def open_waiter(url: str, options: Options | None = None) -> Waiter:
    """Stored results, awaited in the event loop that runs. Connects when it is first used."""
    address = locate(url, options)
    from brokers.redis.waiter import RedisWaiter

    return RedisWaiter(address)


def open_consumer(
    url: str,
    options: Options | None = None,
    *,
    queues: Sequence[str],
    node: str,
    results_url: str | None = None,
    results_options: Options | None = None,
    lease: float = 8.0,
    renewal: float | None = None,
    retention: Retention = DEFAULT_RETENTION,
) -> Consumer:
    """The worker's side of `queues`, under the node's name; `connect` it before use.

    Settlements store their results at `results_url`; None: with the broker. `lease`: seconds after
    which a worker that does not answer is taken for dead; renewed every `renewal` seconds, None: four times
    as often. `retention`: of the dead letters it adds.
    """
    address = locate(url, options)
    results = locate(results_url, results_options) if results_url else None
    from brokers.redis.consumer import RedisConsumer

    return RedisConsumer(
        address,
        tuple(queues),
        node=node,
        results=results,
        lease=lease,
        renewal=renewal,
        retention=retention,
    )


def open_mailbox(url: str, options: Options | None = None, *, bindings: Sequence[Binding]) -> Mailbox:
    """What a worker hears and says beside its tasks. Connects when it is driven."""
    address = locate(url, options)
    from brokers.redis.mailbox import RedisMailbox

    return RedisMailbox(address, bindings)


def open_caller(url: str, options: Options | None = None) -> Caller:
    """The asking side of remote control. Connects when it is first used."""
    address = locate(url, options)
    from brokers.redis.caller import RedisCaller

    return RedisCaller(address)


def open_dead_letters(
    url: str, options: Options | None = None, *, queue: str, retention: Retention = DEFAULT_RETENTION
) -> DeadLetters:
    """The operator's side of the queue. Connects when it is first used."""
    address = locate(url, options)
    from brokers.redis.dead import RedisDeadLetters

    return RedisDeadLetters(address, queue, retention)


def queues_with_dead_letters(url: str, options: Options | None = None) -> list[str]:
    """Their names. Raises also as DeadLetters."""
    address = locate(url, options)
    from brokers.redis.dead import queues_with_any

    return queues_with_any(address)


def transport_options() -> frozenset[str]:
    """Names of the options that a broker or a result store may have here."""
    from brokers.redis import options

    names = options.names
    of_server, of_sentinels = names(options.TransportOptions), names(options.SentinelOptions)
    return frozenset((*of_server, *of_sentinels, *names(options.TLS)))


def locate(url: str, options: Options | None = None) -> Address:
    """The server that the URL means. An embedded one is running afterwards."""
    try:
        return _locate(url, options)
    except ValueError as error:
        raise BrokerMisconfigured(str(error)) from error


def _locate(url: str, options: Options | None) -> Address:
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r} of the URL: must be one of {', '.join(SCHEMES)}")
    if scheme == "embedded":
        from brokers import embedded

        return embedded.locate(url, options)
    from brokers.redis import address

    return address.parse(url, options)
