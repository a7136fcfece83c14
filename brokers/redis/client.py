"""A redis-py client of one address: tries again while the server is away, and speaks of failures as
`BrokerUnavailable` and `BrokerRefused`.

Importing this module imports redis-py (120 ms, 18 MB), so import it where a client is wanted, not
at start-up; `brokers.registry` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis import failures
from brokers.redis.address import Address
from brokers.redis.exchange import Command, Connections, Exchange
from brokers.retry_policy import RetryPolicy

Answer = TypeVar("Answer")

PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.MasterDownError,
)
"""What redis-py has a class for."""


class Client:
    """Safe to use from several threads and, as redis-py's pool notices it, after a fork."""

    def __init__(self, address: Address, pauses: Sequence[float]) -> None:
        """`pauses`: seconds before the second, third, … try. Connects when it is first used."""
        self.address = address
        self._pauses = pauses
        self._redis: Redis = client_of(address, Redis, Sentinel, Retry)
        self._connections = Connections(self._redis.connection_pool)

    def call(self, commands: Sequence[Command], policy: RetryPolicy | None = None) -> list[Any]:
        """The answers to these commands, after one round trip; several are one transaction. Repeated,
        and raises, as `run`, but what was only late is not done twice; with `policy` as that says."""
        exchange = Exchange(self._connections, commands)
        pauses, repeated = (None, ()) if policy is None else (policy.pauses(), policy.retry_errors)
        try:
            return self.run(lambda _: exchange.attempt(), pauses=pauses, repeated=repeated)
        finally:
            exchange.end()

    def run(
        self,
        operation: Callable[[Any], Answer],
        deadline: float = float("inf"),
        pauses: Iterable[float] | None = None,
        repeated: tuple[type[BaseException], ...] = (),
    ) -> Answer:
        """What `operation` returns when called with redis-py's client. `pauses`: in place of its own.

        It is repeated after a failure that may pass, or is one of `repeated`; also after a lost reply, when
        the server may have done it already.

        Raises BrokerUnavailable after the last try, BrokerRefused, or TimeoutError when `deadline`
        (time.monotonic() seconds) comes before.
        """
        waits = iter(self._pauses if pauses is None else pauses)
        while True:
            try:
                return operation(self._redis)
            except exceptions.RedisError as error:
                problem = broker_error(error, self.address)
                pause = next(waits, None)
                refused = isinstance(problem, BrokerRefused) and not (
                    isinstance(problem, repeated) or isinstance(error, repeated)
                )
                if pause is None or refused:
                    raise problem from error
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(str(problem))
            time.sleep(min(pause, remaining))

    def close(self) -> None:
        """Disconnect, in every thread. The next use connects anew."""
        self._connections.close()
        self._redis.close()
        self._redis.connection_pool.disconnect()


def client_of(address: Address, redis: Any, sentinel: Any, retry: Any) -> Any:
    """`redis`, `sentinel`, `retry`: the classes of redis-py, or of its asyncio side."""
    # redis-py's own retries would nest: one round for the command, one for each connect inside it.
    once = retry(NoBackoff(), 0)
    options = address.client_options()
    if address.sentinels is None:
        return redis(**options, retry=once)
    servers = address.sentinels.servers
    asking = {**servers[0].client_options(), "retry": once}
    del asking["host"], asking["port"]
    named = [(server.host, server.port) for server in servers]
    found = sentinel(named, address.sentinels.min_other_sentinels, asking)
    return found.master_for(address.sentinels.master_name, **options, retry=once)


def broker_error(error: exceptions.RedisError, address: Address) -> BrokerError:
    """Whether it will pass, and where it happened."""
    if isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__  # redis.asyncio calls all that fails while it connects a ConnectionError
    text = f"{address.masked()}: {error}"
    refused = isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError)
    refused |= "CERTIFICATE_VERIFY_FAILED" in text  # a ConnectionError like any other, to redis-py
    if not refused and (isinstance(error, PASSING) or failures.PASSING.search(str(error))):
        return BrokerUnavailable(text)
    return BrokerRefused(text)
