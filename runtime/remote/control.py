"""`app.control`: tells the workers of an app what to do, and asks them how they are. Reads like Celery's."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from brokers.envelope import MalformedMessage
from runtime.protocol.routing import of_app
from runtime.remote import command as commands
from runtime.remote import reply as replies
from runtime.remote.clock import Clock
from runtime.remote.command import Address, Command
from runtime.remote.inspect import Inspect
from runtime.settings import Settings

if TYPE_CHECKING:
    from brokers.interface import Caller

Answer = dict[str, Any]
"""Node name → its answer."""


class Control:
    """Safe for threads: each question has a connection of its own. Raises BrokerError where the broker
    cannot be asked. `destination`: names of nodes; None: all."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf
        self._clock = Clock()

    def broadcast(
        self,
        command: str,
        arguments: dict[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        reply: bool = False,
        timeout: float = 1.0,
        limit: int | None = None,
        callback: Callable[[Answer], object] | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
        **more_arguments: Any,
    ) -> list[Answer] | None:
        """Send a command. With `reply`: the answers, one for each worker; waits until all that heard it have
        answered, or `timeout` seconds have passed without a further answer. `callback` gets each as it comes.
        pattern, matcher: of node names, `glob` or `pcre`.

        Raises ValueError for a destination that is no list, EncodeError for arguments that are not JSON.
        """
        if isinstance(destination, str):
            raise ValueError(f"destination must be a list of node names, not {destination!r}")
        told = Command(
            command,
            {**(arguments or {}), **more_arguments},
            list(destination) if destination else None,
            pattern,
            matcher or ("glob" if pattern else None),
            clock=self._clock.tick(),
            expires=time.time() + timeout if reply else 0.0,
        )
        with closing(self._caller()) as caller:
            if not reply:
                caller.broadcast(self._exchange, commands.write(told))
                return None
            answers = []
            for answer in self._ask(caller, told, timeout, limit):
                answers.append(answer)
                if callback is not None:
                    callback(answer)
            return answers

    def _ask(self, caller: Caller, told: Command, timeout: float, limit: int | None) -> Iterator[Answer]:
        own = Address(commands.reply_exchange(self._conf.control_exchange), str(uuid4()))
        caller.bind(own.exchange, own.routing_key)
        asked = replace(told, ticket=str(uuid4()), reply_to=own)
        expected = caller.broadcast(self._exchange, commands.write(asked))
        for most in (limit, len(told.destination or ()) or None):
            expected = expected if most is None else min(expected, most)
        while expected > 0 and (message := caller.receive(timeout)) is not None:
            try:
                answer = replies.read(message)
            except MalformedMessage as error:
                warnings.warn(f"an answer that makes no sense: {error}", stacklevel=3)
                continue
            self._clock.heed(answer.clock)
            if answer.ticket == asked.ticket:
                expected -= 1
                yield answer.values

    def inspect(
        self,
        destination: Sequence[str] | str | None = None,
        timeout: float = 1.0,
        callback: Callable[[Answer], object] | None = None,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
    ) -> Inspect:
        """Questions to these workers. With one name as `destination`, its answer alone is returned."""
        return Inspect(self.broadcast, destination, timeout, callback, limit, pattern, matcher)

    def purge(self, queues: Sequence[str] | None = None) -> int:
        """Remove all that waits in these queues (None: the app's). How many messages there were."""
        from brokers.registry import open_publisher

        publisher = open_publisher(self._conf.broker_url, self._conf.broker_transport_options)
        with closing(publisher):
            return sum(publisher.purge(queue) for queue in queues or of_app(self._conf))

    discard_all = purge

    def election(self, id: str, topic: str, action: Any = None, **options: Any) -> Any:
        """The workers elect one of them, which does it. topic: `task`; action: a signature, to be sent."""
        return self.broadcast("election", {"id": id, "topic": topic, "action": action}, **options)

    def ping(self, destination: Sequence[str] | None = None, timeout: float = 1.0, **options: Any) -> Any:
        """`[{node: {"ok": "pong"}}, …]`."""
        return self.broadcast("ping", None, destination, True, timeout, **options)

    # What follows takes the options of `broadcast`, and returns what it does: answers with reply=True. -----

    def revoke(
        self,
        task_id: str | Sequence[str],
        destination: Sequence[str] | None = None,
        terminate: bool = False,
        signal: str = "SIGTERM",
        **options: Any,
    ) -> Any:
        """Tasks with these ids are not to be run. `terminate`: even if they run already."""
        arguments = {"task_id": task_id, "terminate": terminate, "signal": signal}
        return self.broadcast("revoke", arguments, destination, **options)

    def revoke_by_stamped_headers(
        self,
        headers: dict[str, Any],
        destination: Sequence[str] | None = None,
        terminate: bool = False,
        signal: str = "SIGTERM",
        **options: Any,
    ) -> Any:
        """The same by stamps: `{stamp: value or list of values}`."""
        arguments = {"headers": headers, "terminate": terminate, "signal": signal}
        return self.broadcast("revoke_by_stamped_headers", arguments, destination, **options)

    def terminate(
        self,
        task_id: str | Sequence[str],
        destination: Sequence[str] | None = None,
        signal: str = "SIGTERM",
        **options: Any,
    ) -> Any:
        """`revoke` with `terminate`."""
        return self.revoke(task_id, destination, True, signal, **options)

    def rate_limit(
        self,
        task_name: str,
        rate_limit: str | float | None,
        destination: Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """`"10/s"`, `"100/m"`, `"1000/h"`, a number for each second, or 0 for none."""
        arguments = {"task_name": task_name, "rate_limit": rate_limit}
        return self.broadcast("rate_limit", arguments, destination, **options)

    def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        destination: Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """New limits of this task, in seconds; None: the worker's."""
        arguments = {"task_name": task_name, "hard": hard, "soft": soft}
        return self.broadcast("time_limit", arguments, destination, **options)

    def add_consumer(
        self,
        queue: str,
        exchange: str | None = None,
        exchange_type: str = "direct",
        routing_key: str | None = None,
        options: dict[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        **more: Any,
    ) -> Any:
        """Consume from this queue too. `options`: further ones of the queue."""
        arguments = {
            "queue": queue, "exchange": exchange, "exchange_type": exchange_type, "routing_key": routing_key,
            **(options or {}),
        }  # fmt: skip
        return self.broadcast("add_consumer", arguments, destination, **more)

    def cancel_consumer(self, queue: str, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("cancel_consumer", {"queue": queue}, destination, **options)

    def pool_grow(self, n: int = 1, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("pool_grow", {"n": n}, destination, **options)

    def pool_shrink(self, n: int = 1, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("pool_shrink", {"n": n}, destination, **options)

    def autoscale(self, max: int, min: int, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("autoscale", {"max": max, "min": min}, destination, **options)

    def pool_restart(self, destination: Sequence[str] | None = None, **options: Any) -> Any:
        """Fresh children with fresh code; needs the setting `worker_pool_restarts`."""
        return self.broadcast("pool_restart", None, destination, **options)

    def enable_events(self, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("enable_events", None, destination, **options)

    def disable_events(self, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("disable_events", None, destination, **options)

    def heartbeat(self, destination: Sequence[str] | None = None, **options: Any) -> Any:
        return self.broadcast("heartbeat", None, destination, **options)

    def shutdown(self, destination: Sequence[str] | None = None, **options: Any) -> Any:
        """Warm, as by TERM. There is no answer."""
        return self.broadcast("shutdown", None, destination, **options)

    @property
    def _exchange(self) -> str:
        return commands.exchange(self._conf.control_exchange)

    def _caller(self) -> Caller:
        from brokers.registry import open_caller

        return open_caller(self._conf.broker_url, self._conf.broker_transport_options)
