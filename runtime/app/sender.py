"""Sends calls of one app's tasks, and work-flows of them, to its broker."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from brokers.interface import ChordSize
from runtime.app.eager import Eager
from runtime.app.outbox import Outbox
from runtime.app.task import Task
from runtime.canvas import freeze
from runtime.canvas.carry import carried
from runtime.canvas.compound import Compound
from runtime.canvas.plan import Begun, plan
from runtime.canvas.reference import Reference, reference
from runtime.canvas.signature import Signature
from runtime.errors import ImproperlyConfigured, NotRegistered
from runtime.execution import current
from runtime.execution.request import Request
from runtime.protocol import argument_text, calls, serializers
from runtime.protocol.bounds import check_arguments, check_text
from runtime.protocol.ids import new_id
from runtime.protocol.publishing import policy_of
from runtime.protocol.routing import address_of, queues_of
from runtime.results.async_result import AsyncResult
from runtime.results.eager_result import EagerResult
from runtime.results.group_result import GroupResult
from runtime.results.result import Result
from runtime.results.store import ResultStore
from runtime.results.waiting import denied_join_result
from runtime.settings import Settings

if TYPE_CHECKING:
    from brokers.interface import Push, RetryPolicy

logger = logging.getLogger("runtime.client")

Call = tuple[str | Task, Sequence[Any], Mapping[str, Any]]
"""A task or its name, args, kwargs."""


PartialCall = tuple[Signature, Sequence[Any], Mapping[str, Any]]
"""A signature and its partial arguments."""


class Messages(NamedTuple):
    """What sends a signature."""

    pushes: list[Push]
    chords: list[ChordSize]
    """To be stored before these are sent."""
    reference: Reference
    """Of its result."""


class Sender:
    """Connects on first use, with the settings of that time. Safe for threads and after a fork.

    What is sent from inside a task becomes its child: it gets the task's root id, and its id as parent.
    """

    def __init__(self, conf: Settings, tasks: Mapping[str, Task], results: ResultStore, eager: Eager) -> None:
        self._conf = conf
        self._tasks = tasks
        self._results = results
        self._eager = eager
        self._outbox = Outbox(conf)

    def send(
        self,
        name: str,
        args: tuple[Any, ...] | list[Any],
        kwargs: dict[str, Any],
        options: dict[str, Any],
        declared: Mapping[str, Any] | None,
    ) -> AsyncResult:
        """`options` and `declared`: as of `protocol.calls`, whose errors it raises, and BrokerError."""
        request = current.worker_request()
        task_id = self._complete(options, request)
        policy = policy_of(self._conf, options)
        pushes = self.pushes(name, args, kwargs, options, declared)
        to_come = AsyncResult(task_id, self._results, ignored=_ignored(options, declared))
        result: AsyncResult = self._sent(pushes, (), [to_come], request, policy)[0]
        return result

    def apply(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        options: dict[str, Any],
        *,
        throw: bool | None,
    ) -> EagerResult:
        """Run it here, with these arguments as they are; see Eager.run. Raises NotRegistered."""
        task = self._tasks.get(name)
        if task is None:
            raise NotRegistered(name)
        task_id = self._complete(options, current.worker_request())
        shown = {"argsrepr": argument_text.text(tuple(args)), "kwargsrepr": argument_text.text(kwargs)}
        complete = calls.complete(self._conf, name, args, kwargs, {**shown, **options}, task.declared)
        pushes = calls.compose(self._conf, name, (), {}, complete, (self._conf.task_default_queue,))
        result = AsyncResult(task_id, self._results)
        ended: EagerResult = self._eager.run(pushes, (), [result], throw=throw, given=(args, kwargs))[0]
        return ended

    def send_many(self, calls: Iterable[Call | Signature], options: Mapping[str, Any]) -> list[Any]:
        """All of them, or none if one is wrong. `options`: `retry` and `retry_policy`."""
        signatures = [call if isinstance(call, Signature) else self._signature(call) for call in calls]
        return self._send([(signature, (), {}) for signature in signatures], options)

    def send_signature(
        self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """With partial arguments and further options. Raises as `messages`, and BrokerError."""
        if isinstance(signature, Compound):
            call: PartialCall = (_with_options(signature, kwargs, options), args, kwargs)
        else:
            call = (signature.clone(args, kwargs, **options), (), {})
        return self._send([call], call[0].options)[0]

    def apply_signature(
        self,
        signature: Signature,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        throw: bool | None,
    ) -> Any:
        """Run it here; see Eager.run. Raises as `messages`, and NotRegistered."""
        if not isinstance(signature, Compound):
            args, kwargs = signature.merged(args, kwargs)
            return self.apply(
                signature.task, args, dict(kwargs), {**signature.options, **options}, throw=throw
            )
        request = current.worker_request()
        composed = self._composed([(_with_options(signature, kwargs, options), args, kwargs)], request)
        return self._eager.run(*composed, throw=throw)[0]

    def _send(self, calls: Iterable[PartialCall], options: Mapping[str, Any]) -> list[Result]:
        """With the `retry` and `retry_policy` of `options`: what is sent together is tried again together."""
        request, policy = current.worker_request(), policy_of(self._conf, options)
        return self._sent(*self._composed(calls, request), request, policy)

    def _composed(
        self, calls: Iterable[PartialCall], request: Request | None
    ) -> tuple[list[Push], list[ChordSize], list[Result]]:
        """What sends them, and the results to come."""
        inherited = self._inherited(request)
        pushes: list[Push] = []
        chords: list[ChordSize] = []
        results: list[Result] = []
        for signature, args, kwargs in calls:
            if isinstance(signature, Compound):
                new = {name: value for name, value in inherited.items() if name not in signature.options}
                messages = self.messages(signature, args, kwargs, **new)
                pushes += messages.pushes
                chords += messages.chords
                results.append(Result.read(messages.reference, self._results))
            else:
                options = {**inherited, **signature.options}
                task_id = options.setdefault("task_id", new_id())
                pushes += self._pushes(signature.task, signature.args, signature.kwargs, options)
                task = self._tasks.get(signature.task)
                ignored = _ignored(options, None if task is None else task.declared)
                results.append(AsyncResult(task_id, self._results, ignored=ignored))
        return pushes, chords, results

    def messages(
        self,
        signature: Signature | Mapping[str, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Messages:
        """What sends a signature, compound or not, with these partial arguments. `options`, such as
        `root_id`, `parent_id` and `chain` (the rest of a chain, last step first), are carried by it
        (canvas.carry).

        Raises ValueError for what is no signature, ImproperlyConfigured for a chord without a result store,
        and as `runtime.protocol.calls.compose`.
        """
        whole = freeze.frozen(Signature.from_dict(signature))
        planned = plan(carried(whole, options), args, kwargs)
        pushes = [
            push
            for call in planned.calls
            for push in self._pushes(call.task, call.args, call.kwargs, call.options)
        ]
        return Messages(pushes, [self._size(begun) for begun in planned.chords], reference(whole))

    def call_signature(self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Like a function. Raises NotRegistered for a task that is not here."""
        task = self._tasks.get(signature.task)
        if task is None:
            raise NotRegistered(signature.task)
        merged_args, merged_kwargs = signature.merged(args, kwargs)
        return task(*merged_args, **merged_kwargs)

    def result_of(self, signature: Signature) -> AsyncResult | GroupResult:
        """Of a frozen one."""
        found = Result.read(reference(signature), self._results)
        assert isinstance(found, AsyncResult | GroupResult)
        return found

    def links_errors_to_headers(self) -> bool:
        """What is linked to a chord."""
        return bool(self._conf.task_allow_error_cb_on_chord_header)

    def pushes(
        self,
        name: str,
        args: tuple[Any, ...] | list[Any],
        kwargs: dict[str, Any],
        options: Mapping[str, Any],
        declared: Mapping[str, Any] | None,
        queues: Sequence[str] = (),
    ) -> list[Push]:
        """What calls a single task: a message for each queue that gets it. Arguments and errors as of `send`.
        queues: empty: those of the options; where only the broker knows them, it is asked."""
        options = calls.complete(self._conf, name, args, kwargs, options, declared)
        queues = queues or queues_of(self._conf, options)
        if not queues:
            policy = policy_of(self._conf, options)
            queues = self._outbox.bound(*address_of(options), policy)
        return calls.compose(self._conf, name, args, kwargs, options, queues)

    def _pushes(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]
    ) -> list[Push]:
        task = self._tasks.get(name)
        if task is not None and task.pydantic:
            args, kwargs = task.plain_arguments(args, kwargs)
        return self.pushes(name, args, kwargs, options, None if task is None else task.declared)

    def _size(self, begun: Begun) -> ChordSize:
        keys = self._results.keys
        if keys.expires is None:
            raise ImproperlyConfigured("a chord needs a result store: result_backend is None")
        structure = b""
        if begun.structure is not None:
            structure = serializers.encode({"result": begun.structure}, self._conf.result_serializer)
        return ChordSize(keys.group(begun.group_id), begun.size, keys.chord_expires, structure)

    def close(self) -> None:
        self._outbox.close()

    def _signature(self, call: Any) -> Signature:
        """Of a Call."""
        if not isinstance(call, tuple) or len(call) != 3:
            raise TypeError(f"a call must be a signature or a tuple of task, args, kwargs, not {call!r:.100}")
        named, args, kwargs = call
        check_arguments(args, kwargs)
        task = named if isinstance(named, Task) else self._tasks.get(named)
        if task is None:
            return Signature(str(named), args, kwargs)
        task.check_arguments(args, kwargs)
        return Signature(task.name, args, kwargs)

    def _complete(self, options: dict[str, Any], request: Request | None) -> str:
        """Add the task's id, which is returned, and what a child has from its parent (PROTOCOL 9)."""
        task_id: str = options.get("task_id") or new_id()
        check_text("task_id", task_id)
        options["task_id"] = task_id
        for name, value in self._inherited(request).items():
            options.setdefault(name, value)
        return task_id

    def _inherited(self, request: Request | None) -> dict[str, Any]:
        if request is None:
            return {}
        inherited: dict[str, Any] = {"root_id": request.root_id, "parent_id": request.id}
        if self._conf.task_inherit_parent_priority:
            inherited["priority"] = request.message.priority
        return inherited

    def _sent(
        self,
        pushes: Sequence[Push],
        chords: Sequence[ChordSize],
        results: list[Any],
        request: Request | None,
        policy: RetryPolicy,
    ) -> list[Any]:
        """Or run, with task_always_eager. Returns the results."""
        if self._conf.task_always_eager:
            with denied_join_result():  # in the tasks that run now: a worker's may not
                results = self._eager.run(pushes, chords, results)
        else:
            if chords:
                self._results.begin_chords(chords)
            self._outbox.publish(pushes, policy)
        if request is not None:
            request.children.extend(results)
        return results


def _with_options(signature: Signature, kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> Signature:
    if "body" in kwargs:  # of a chord
        signature = signature.clone((), kwargs)
    return signature.with_options({**signature.options, **options})


def _ignored(options: Mapping[str, Any], declared: Mapping[str, Any] | None) -> bool:
    """Nobody will store a result: the caller, or the task, says so."""
    chosen = options.get("ignore_result")
    return bool((declared or {}).get("ignore_result") if chosen is None else chosen)
