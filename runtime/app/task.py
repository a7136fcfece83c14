"""Task: a function that can be sent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property, update_wrapper
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn

from runtime.app import autoretry
from runtime.app.arguments import Arguments
from runtime.app.models import Models
from runtime.app.retrying import retry_options, retry_queues
from runtime.app.task_options import DECLARED, NO_KWARGS, TaskOptions
from runtime.canvas.mapping import chunks, xmap, xstarmap
from runtime.canvas.signature import Signature
from runtime.errors import ImproperlyConfigured, MaxRetriesExceededError, Retry
from runtime.execution import current
from runtime.execution.replacing import Replaced, replacement
from runtime.execution.request import Request
from runtime.protocol.bounds import check_arguments, check_limits
from runtime.protocol.calls import due
from runtime.results.async_result import AsyncResult
from runtime.results.document import About
from runtime.results.eager_result import EagerResult

if TYPE_CHECKING:
    from runtime.app.app import App

HANDLERS = ("before_start", "on_success", "on_failure", "on_retry", "after_return")


class Task(TaskOptions):
    """Made by `@app.task`. Its attributes are the options that the decorator takes; a subclass, given as
    `base=`, may set them for many tasks."""

    def __init__(
        self, app: App, name: str, function: Callable[..., Any] | None, options: Mapping[str, Any]
    ) -> None:
        """`function`: None for a class that defines `run` itself. Raises ImproperlyConfigured for an option
        that does not exist, or a value that makes no sense."""
        self.app = app
        self.name = name
        self.annotate({**self.inherited(), **options})
        self._models: Models | None = None
        if function is not None:
            update_wrapper(self, function)
            if self.pydantic:
                self._models = Models(
                    name,
                    function,
                    strict=self.pydantic_strict,
                    context=self.pydantic_context or {},
                    dump=self.pydantic_dump_kwargs or {},
                )
                function = self._models.wrapped()
            self.run = MethodType(function, self) if self.bind else function  # type: ignore[method-assign]

    def annotate(self, options: Mapping[str, Any]) -> None:
        """Set these options. Raises ImproperlyConfigured."""
        try:
            for option, value in self.read(options).items():
                is_handler = option in HANDLERS and isinstance(value, FunctionType)
                setattr(self, option, MethodType(value, self) if is_handler else value)
            check_limits(self.soft_time_limit, self.time_limit)
        except ValueError as error:
            raise ImproperlyConfigured(f"task {self.name}: {error}") from None
        for known in ("declared", "handlers"):
            self.__dict__.pop(known, None)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The function."""
        raise NotImplementedError(f"task {self.name} defines no run()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function here and now; nothing is sent. Of an `async def` task: the coroutine."""
        request = Request.called(args, kwargs)
        if self.is_async:
            return self._awaited(request)
        token = current.push(self, request)
        try:
            return self.run(*args, **kwargs)
        finally:
            current.pop(token)

    async def _awaited(self, request: Request) -> Any:
        """Nothing runs before it is awaited, and perhaps in another context than that of the call."""
        token = current.push(self, request)
        try:
            return await self.run(*request.args, **request.kwargs)
        finally:
            current.pop(token)

    def before_start(self, task_id: str | None, args: Any, kwargs: Any) -> None:
        """For subclasses: called in the child before `run`. What it raises is the task's failure."""

    def on_success(self, retval: Any, task_id: str | None, args: Any, kwargs: Any) -> None:
        """For subclasses, as those below: called in the child when `run` has returned, before the result is
        stored. What such a method raises is logged."""

    def on_failure(self, exc: BaseException, task_id: str | None, args: Any, kwargs: Any, einfo: Any) -> None:
        """It has failed by an exception; not by a killed child."""

    def on_retry(self, exc: BaseException, task_id: str | None, args: Any, kwargs: Any, einfo: Any) -> None:
        """It will run again."""

    def after_return(
        self, status: str, retval: Any, task_id: str | None, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """It has ended as SUCCESS or FAILURE; `retval`: what it returned, or raised."""

    @cached_property
    def handlers(self) -> frozenset[str]:
        """Which of these are its own."""
        return frozenset(
            name for name in HANDLERS
            if getattr(getattr(self, name), "__func__", None) is not getattr(Task, name)
        )  # fmt: skip

    def after(self, error: BaseException) -> BaseException:
        """What it ends with that has raised this while it ran."""
        return autoretry.outcome(self, error) if self.autoretry_for else error

    @property
    def request(self) -> Request:
        """What it runs for, in this thread."""
        return current.request_of(self) or Request.called((), {})

    @cached_property
    def is_async(self) -> bool:
        """`run` is an `async def` function."""
        from inspect import iscoroutinefunction

        return iscoroutinefunction(self.run)

    @cached_property
    def most_arguments(self) -> int:
        """How many its function takes by position."""
        return self._arguments.most

    @cached_property
    def declared(self) -> dict[str, Any]:
        """The send options that it sets itself."""
        found = {name: getattr(self, name) for name in DECLARED}
        return {name: value for name, value in found.items() if value is not None}

    def check_arguments(self, args: Collection[Any], kwargs: Mapping[str, Any]) -> None:
        """Raises TypeError, unless the function takes these or the task has typing=False."""
        if self.typing:
            self._arguments.check(args, kwargs)

    def plain_arguments(
        self, args: tuple[Any, ...] | list[Any], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """With what pydantic's models hold in their place, if it takes such."""
        if self._models is None:
            return tuple(args), kwargs
        return self._models.plain(args, kwargs, (self,) if self.bind else ())

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """Send it with these arguments. Raises as apply_async."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: tuple[Any, ...] | list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Send it. Options: `countdown` (seconds), `eta` (datetime), `expires` (seconds or datetime),
        `queue`, `priority`, `task_id`, `headers`, `ignore_result`, `link`, `link_error`, `time_limit`,
        `soft_time_limit`, `serializer`, `compression`, `shadow`, … (PROTOCOL 5); `retry` (False: a broker
        that is away is an error at once) and `retry_policy`, in place of the settings task_publish_retry….

        Raises TypeError for wrong arguments or options, EncodeError, BrokerError.
        """
        args, kwargs = args or (), kwargs or {}
        check_arguments(args, kwargs)
        self.check_arguments(args, kwargs)
        if self.pydantic:
            args, kwargs = self.plain_arguments(args, kwargs)
        return self.app.sender.send(self.name, args, kwargs, options, self.declared)

    def apply(
        self,
        args: tuple[Any, ...] | list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> EagerResult:
        """Run it here and now, with what follows from it; nothing is sent. What it raises is in its result,
        or raised with `throw` (task_eager_propagates). Options: as of apply_async."""
        return self.app.sender.apply(self.name, args or (), kwargs or {}, options, throw=throw)

    async def adelay(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """`delay` in an event loop, which goes on meanwhile."""
        return await self.aapply_async(args, kwargs)

    async def aapply_async(
        self,
        args: tuple[Any, ...] | list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult:
        """`apply_async` in an event loop, which goes on meanwhile: it is sent by a thread."""
        import asyncio

        return await asyncio.to_thread(self.apply_async, args, kwargs, **options)

    def signature(
        self,
        args: tuple[Any, ...] | list[Any] = (),
        kwargs: Mapping[str, Any] = NO_KWARGS,
        *,
        immutable: bool = False,
        **options: Any,
    ) -> Signature:
        """A call of it, as data."""
        return Signature(self.name, args, kwargs, options, immutable=immutable, sender=self.app.sender)

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        return self.signature(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """Immutable: no result is put before its arguments."""
        return self.signature(args, kwargs, immutable=True)

    def map(self, it: Iterable[Any]) -> xmap:
        """`[task(x) for x in it]`, by one message."""
        return xmap(self.s(), it)

    def starmap(self, it: Iterable[Any]) -> xstarmap:
        """`[task(*x) for x in it]`, by one message."""
        return xstarmap(self.s(), it)

    def chunks(self, it: Iterable[Any], n: int) -> chunks:
        """A starmap for each `n` of them."""
        return chunks(self.s(), it, n)

    def retry(
        self,
        args: tuple[Any, ...] | list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Run this task again, in `countdown` seconds (default_retry_delay), with the same arguments or
        the given ones. Raises Retry, which whoever executes the task turns into a message; returns it
        without `throw`, to be raised later.

        Too often: raises `exc`, or MaxRetriesExceededError. Called like a function: raises `exc`, or the
        exception being handled.
        """
        request = self.request
        if request.called_directly:
            raise exc or sys.exception() or Retry("the task can be retried")
        most = self.max_retries if max_retries is None else max_retries
        args = tuple(request.args) if args is None else args
        kwargs = request.kwargs if kwargs is None else kwargs
        if most is not None and request.retries >= most:
            raise exc or MaxRetriesExceededError(
                f"can't retry {self.name}[{request.id}] args:{args} kwargs:{kwargs}"
            )
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        timing = {"eta": eta, "countdown": countdown}
        again = retry_options(request, {**timing, **options})
        back = retry_queues(request, options)
        [push, *_] = self.app.sender.pushes(self.name, args, kwargs, again, self.declared, back)
        retry = Retry(exc=exc, when=due(self.app.conf, countdown, eta), push=push)
        if throw:
            raise retry
        return retry

    def replace(self, signature: Signature) -> NoReturn:
        """Put a signature in the place of this task: under its id, with all that follows it. Raises what
        ends the task; so write `return self.replace(…)`."""
        request = self.request
        whole = replacement(signature, request)
        if request.called_directly:
            raise ImproperlyConfigured(f"task {self.name} is called like a function: nothing can replace it")
        raise Replaced(self.app.messages(whole, root_id=request.root_id, parent_id=request.parent_id))

    def add_to_chord(self, signature: Signature, lazy: bool = False) -> Any:
        """Make a signature one more part of the chord that this task is a part of, and send it, or with
        `lazy` return it to be sent. Raises ValueError in any other task."""
        request = self.request
        if not request.chord:
            raise ValueError(f"task {self.name} is not part of a chord")
        signature.set(
            group_id=request.group,
            group_index=request.group_index,
            chord=request.chord,
            root_id=request.root_id,
        )
        store = self.app.eager.chords if request.is_eager else self.app.results
        store.extend_chord(str(request.group))
        if lazy:
            return signature
        return signature.apply() if request.is_eager else signature.delay()

    def update_state(self, task_id: str | None = None, state: str | None = None, meta: Any = None) -> None:
        """Store a state of the task's own choosing now, such as PROGRESS, with its meta. Does nothing
        when there is no task id (called like a function). Raises EncodeError, BrokerError."""
        if not state:
            raise ValueError(f"update_state() needs a state, such as 'PROGRESS', not {state!r}")
        request = self.request
        if task_id is None and request.is_eager and not self.app.conf.task_store_eager_result:
            return
        self.app.results.store(request if task_id is None else About(task_id), state, meta)

    def AsyncResult(self, task_id: str) -> AsyncResult:
        return self.app.AsyncResult(task_id)

    def __repr__(self) -> str:
        return f"<@task: {self.name} of {self.app!r}>"

    @cached_property
    def _arguments(self) -> Arguments:
        return Arguments(self.name.rpartition(".")[2], self.run)
