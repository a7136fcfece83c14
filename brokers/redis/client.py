"""A redis-py client of one address: tries again while the server is away, and speaks of failures as
`BrokerUnavailable` and `BrokerRefused`.

Importing this module imports redis-py (120 ms, 18 MB), so import it where a client is wanted, not
at start-up; `brokers.registry` does.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import hiredis
from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address
from brokers.redis.scripts import Script
from brokers.retry_policy import RetryPolicy

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
        self._redis: Redis = client_of(address, Redis, Sentinel, Retry)
        self._spare: list[Any] = []
        """Connections of `call` that nobody uses now. A list's pop and append are atomic."""
        self._pid = os.getpid()

    def call(self, commands: Sequence[Sequence[str | bytes]], policy: RetryPolicy | None = None) -> list[Any]:
        """The answers to these commands, after one round trip; several are one transaction. Repeated,
        and raises, as `run`; with `policy` as that says.

        On connections of its own: redis-py's way through its pool, retries and metrics takes more than
        twice the time (52 µs against 22; 400 against 220 in a process that has slept), and this is
        what every `delay()` pays.
        """
        return self._tried(lambda _: self._call(commands), policy)

    def evaluate(
        self, script: Script, arguments: Sequence[str | bytes], policy: RetryPolicy | None = None
    ) -> Any:
        """The answer of a script, without keys. As `call`."""
        return self._tried(lambda _: self._evaluate(script, arguments), policy)

    def _tried(self, operation: Callable[[Any], Answer], policy: RetryPolicy | None) -> Answer:
        if policy is None:
            return self.run(operation)
        return self.run(operation, pauses=policy.pauses(), repeated=policy.retry_errors)

    def _evaluate(self, script: Script, arguments: Sequence[str | bytes]) -> Any:
        """By its digest: a lone message is shorter than its text."""
        try:
            return self._call([("EVALSHA", script.digest, "0", *arguments)])[0]
        except exceptions.NoScriptError:
            return self._call([("EVAL", script.text, "0", *arguments)])[0]

    def _call(self, commands: Sequence[Sequence[str | bytes]]) -> list[Any]:
        if self._pid != os.getpid():
            self._spare, self._pid = [], os.getpid()
        connection: Any
        try:
            connection = self._spare.pop()
        except IndexError:
            # Not the pool's make_connection(): it counts them, and none of ours ever comes back to it.
            pool = self._redis.connection_pool
            connection = pool.connection_class(**pool.connection_kwargs)
            connection.connect()  # one that connects by itself, when it is used, asks no sentinel
        try:
            answers = _exchange(connection, commands)
        except BaseException:  # an interrupt too leaves a reply unread
            connection.disconnect()
            self._drop_spare()  # the others were made to the same server, and share its fate
            raise
        self._spare.append(connection)
        return answers

    def _drop_spare(self) -> None:
        while self._spare:
            self._spare.pop().disconnect()

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
        self._drop_spare()
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


def _exchange(connection: Any, commands: Sequence[Sequence[str | bytes]]) -> list[Any]:
    if len(commands) == 1:
        connection.send_packed_command([hiredis.pack_command(tuple(commands[0]))])  # type: ignore[arg-type]  # its stub: tuples of one
        return [connection.read_response()]
    connection.send_packed_command(connection.pack_commands([("MULTI",), *commands, ("EXEC",)]))
    *_, answers = [connection.read_response() for _ in range(len(commands) + 2)]
    for answer in answers:
        if isinstance(answer, exceptions.RedisError):
            raise answer
    return list(answers)


def broker_error(error: exceptions.RedisError, address: Address) -> BrokerError:
    """Whether it will pass, and where it happened."""
    if isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__  # redis.asyncio calls all that fails while it connects a ConnectionError
    text = f"{address.masked()}: {error}"
    refused = isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError)
    refused |= "CERTIFICATE_VERIFY_FAILED" in text  # a ConnectionError like any other, to redis-py
    if not refused and (isinstance(error, PASSING) or PASSING_REPLY.search(str(error))):
        return BrokerUnavailable(text)
    return BrokerRefused(text)
