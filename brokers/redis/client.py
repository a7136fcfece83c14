"""A redis-py client of one address: tries again while the server is away, and speaks of failures as
`BrokerUnavailable` and `BrokerRefused`.

Importing this module imports redis-py (120 ms, 18 MB), so import it where a client is wanted, not
at start-up; `brokers.registry` does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address

Answer = TypeVar("Answer")

PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.MasterDownError,
)
PASSING_REPLY = re.compile(
    r"(^|: -)(OOM|READONLY|MISCONF|NOREPLICAS|BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) "
)
"""An error reply that redis-py has no class for, and that will pass. Redis 6.2 wraps what a script
met: `Error running script (…): …: -OOM command not allowed …`."""


class Client:
    """Safe to use from several threads and, as redis-py's pool notices it, after a fork."""

    def __init__(self, address: Address, pauses: Sequence[float]) -> None:
        """`pauses`: seconds before the second, third, … try. Connects when it is first used."""
        self.address = address
        self._pauses = pauses
        # redis-py's own retries would nest: one round for the command, one for each connect inside it.
        self._redis = Redis(**address.client_options(), retry=Retry(NoBackoff(), 0))

    def run(self, operation: Callable[[Any], Answer], deadline: float = float("inf")) -> Answer:
        """What `operation` returns when called with redis-py's client.

        It is repeated after a failure that may pass, also after a lost reply, when the server may
        have done it already.

        Raises BrokerUnavailable after the last try, BrokerRefused, or TimeoutError when `deadline`
        (time.monotonic() seconds) comes before.
        """
        pauses = iter(self._pauses)
        while True:
            try:
                return operation(self._redis)
            except exceptions.RedisError as error:
                problem = broker_error(error, self.address)
                pause = next(pauses, None)
                if pause is None or isinstance(problem, BrokerRefused):
                    raise problem from error
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(str(problem))
            time.sleep(min(pause, remaining))

    def close(self) -> None:
        """Disconnect, in every thread. The next use connects anew."""
        self._redis.close()
        self._redis.connection_pool.disconnect()


def broker_error(error: exceptions.RedisError, address: Address) -> BrokerError:
    """Whether it will pass, and where it happened."""
    text = f"{address.masked()}: {error}"
    refused = isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError)
    refused |= "CERTIFICATE_VERIFY_FAILED" in text  # a ConnectionError like any other, to redis-py
    if not refused and (isinstance(error, PASSING) or PASSING_REPLY.search(str(error))):
        return BrokerUnavailable(text)
    return BrokerRefused(text)
