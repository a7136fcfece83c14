"""Sends calls of one app's tasks to its broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from runtime.app.task import Task
from runtime.canvas.signature import Signature, message_for
from runtime.execution import current
from runtime.execution.request import Request
from runtime.protocol.calls import compose
from runtime.remote.clock import Clock
from runtime.results.async_result import AsyncResult
from runtime.results.store import ResultStore
from runtime.settings import Settings

if TYPE_CHECKING:
    from brokers.interface import Publisher, Push

Call = tuple[str | Task, Sequence[Any], Mapping[str, Any]]
"""A task or its name, args, kwargs."""


class Sender:
    """Connects on first use, with the settings of that time. Safe for threads and after a fork.

    What is sent from inside a task becomes its child: it gets the task's root id, and its id as parent.
    """

    def __init__(self, conf: Settings, tasks: Mapping[str, Task], results: ResultStore) -> None:
        self._conf = conf
        self._tasks = tasks
        self._results = results
        self._clock = Clock()
        """Of the events that it sends."""

    def send(
        self,
        name: str,
        args: tuple[Any, ...] | list[Any],
        kwargs: dict[str, Any],
        options: dict[str, Any],
        declared: Mapping[str, Any] | None,
    ) -> AsyncResult:
        """`options` and `declared`: as of `runtime.protocol.calls.compose`, whose errors it raises;
        and BrokerError."""
        request = current.worker_request()
        task_id = self._complete(options, request)
        push = compose(self._conf, name, args, kwargs, options, declared)
        return self._sent([push], [task_id], request)[0]

    def send_many(self, calls: Iterable[Call | Signature]) -> list[AsyncResult]:
        """All of them, or none if one is wrong."""
        request = current.worker_request()
        signatures = [call if isinstance(call, Signature) else self._signature(call) for call in calls]
        ids, pushes = [], []
        for signature in signatures:
            options = dict(signature.options)
            ids.append(self._complete(options, request))
            pushes.append(self.message_for(signature, **options))
        return self._sent(pushes, ids, request)

    def send_signature(
        self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> AsyncResult:
        """With partial arguments and further options."""
        return self.send_many([signature.clone(args, kwargs, **options)])[0]

    def message_for(
        self,
        signature: Signature | Mapping[str, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Push:
        """See runtime.canvas.signature.message_for; what the task declares is known here."""
        if not isinstance(signature, Signature):
            signature = Signature.from_dict(signature)
        task = self._tasks.get(signature.task)
        declared = None if task is None else task.declared
        return message_for(self._conf, signature, args, kwargs, declared=declared, **options)

    def close(self) -> None:
        publisher = self.__dict__.pop("_publisher", None)
        if publisher is not None:
            publisher.close()

    def _signature(self, call: Call) -> Signature:
        named, args, kwargs = call
        task = named if isinstance(named, Task) else self._tasks.get(named)
        if task is None:
            return Signature(str(named), args, kwargs)
        task.check_arguments(args, kwargs)
        return Signature(task.name, args, kwargs)

    def _complete(self, options: dict[str, Any], request: Request | None) -> str:
        """Add the task's id, which is returned, and what a child has from its parent (PROTOCOL 9)."""
        task_id: str = options.get("task_id") or str(uuid4())
        options["task_id"] = task_id
        if request is not None:
            options.setdefault("root_id", request.root_id)
            options.setdefault("parent_id", request.id)
            if self._conf.task_inherit_parent_priority:
                options.setdefault("priority", request.message.priority)
        return task_id

    def _sent(self, pushes: Sequence[Push], ids: Sequence[str], request: Request | None) -> list[AsyncResult]:
        publisher = self._publisher
        for queue in {push.queue for push in pushes}:
            publisher.declare(queue)
        publisher.publish(pushes)
        if self._conf.task_send_sent_event:
            self._tell(publisher, pushes)
        results = [AsyncResult(task_id, self._results) for task_id in ids]
        if request is not None:
            request.children.extend(results)
        return results

    def _tell(self, publisher: Publisher, pushes: Sequence[Push]) -> None:
        """That they are sent, to those who listen to events."""
        from runtime.events import sent
        from runtime.events.event import Origin, client_name

        origin, exchange = Origin(client_name(), self._clock), self._conf.event_exchange
        publisher.broadcast(
            exchange, sent.ROUTING_KEY, [sent.write(origin, exchange, push) for push in pushes]
        )

    @cached_property
    def _publisher(self) -> Publisher:
        from brokers.registry import open_publisher

        return open_publisher(self._conf.broker_url, self._conf.broker_transport_options)
