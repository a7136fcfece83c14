"""What a caller holds of a task it has sent."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any, Protocol, Self, cast

from runtime import errors
from runtime.errors import ImproperlyConfigured
from runtime.results import states, waiting
from runtime.results.document import Document
from runtime.results.result import Result
from runtime.results.store import ResultStore


class HasResults(Protocol):
    """An app, as far as it matters here."""

    @property
    def results(self) -> ResultStore: ...


class AsyncResult(Result):
    """The result of the task `id`, present or future.

    Made by `delay`, `apply_async` and `app.AsyncResult(id)`. Each look at an unfinished task asks the
    store; the document of a finished one is kept. Everything that asks raises BrokerError if the
    store cannot be reached.
    """

    def __init__(
        self,
        id: str,
        store: ResultStore | None = None,
        *,
        app: HasResults | None = None,
        parent: Result | None = None,
        ignored: bool = False,
    ) -> None:
        """Either `store` or `app` is needed. ignored: nothing will be stored."""
        if store is None and app is None:
            raise ImproperlyConfigured(f"AsyncResult({id!r}) belongs to no app: use app.AsyncResult()")
        if not isinstance(id, str):
            raise TypeError(f"a task's id must be a string, not {id!r:.100}")
        self.id = id
        self.parent = parent
        self.ignored = ignored
        self._store = store or cast(HasResults, app).results
        self._final: Document | None = None

    @classmethod
    def of(cls, result_id: str, members: Any, parent: Result | None, store: ResultStore) -> Self:
        return cls(result_id, store, parent=parent)

    @property
    def task_id(self) -> str:
        return self.id

    @property
    def state(self) -> str:
        return self.document().state

    status = state

    @property
    def result(self) -> Any:
        """The return value, the exception, or the meta of a state of the task's own."""
        return self.document().result

    info = result

    @property
    def traceback(self) -> str | None:
        return self.document().traceback

    @property
    def date_done(self) -> datetime | None:
        done = self.document().date_done
        return None if done is None else datetime.fromisoformat(done)

    @property
    def children(self) -> list[Result]:
        """What the task has sent: AsyncResults and GroupResults."""
        return [Result.read(stored, self._store) for stored in self.document().children]

    # What the setting result_extended adds; each None without it.

    @property
    def name(self) -> Any:
        """str: of the task."""
        return self._extended("name")

    @property
    def args(self) -> Any:
        """A list."""
        return self._extended("args")

    @property
    def kwargs(self) -> Any:
        """A dict."""
        return self._extended("kwargs")

    @property
    def worker(self) -> Any:
        """str: node name of the worker that ran it."""
        return self._extended("worker")

    @property
    def retries(self) -> Any:
        """int: how often it was retried."""
        return self._extended("retries")

    @property
    def queue(self) -> Any:
        """str: its routing key."""
        return self._extended("queue")

    def _extended(self, member: str) -> Any:
        return self.document().fields.get(member)

    def ready(self) -> bool:
        return self.state in states.FINAL

    def successful(self) -> bool:
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        return self.state == states.FAILURE

    def get(
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True
    ) -> Any:
        """Wait for the end, for up to `timeout` seconds (None: for ever), and return what the task did.

        If it failed or was revoked, its exception is raised, with the remote traceback as a note, or
        without `propagate` returned. Raises runtime.errors.TimeoutError (also a builtin TimeoutError); and
        RuntimeError in a task, even if there is nothing to wait for, unless `disable_sync_subtasks` is False.
        None at once if it was sent with ignore_result.
        """
        if self.ignored:
            return None
        if disable_sync_subtasks:
            waiting.check()
        if self._final is None:
            try:
                self._final = self._store.wait(self.id, timeout)
            except TimeoutError:
                raise self._late(timeout) from None
        return _outcome(self._final, propagate)

    async def aget(self, timeout: float | None = None, propagate: bool = True) -> Any:
        """The same in an event loop, which goes on meanwhile. All that wait there share one connection."""
        if self.ignored:
            return None
        if self._final is None:
            import asyncio

            try:
                async with asyncio.timeout(timeout):
                    self._final = await self._store.wait_async(self.id)
            except TimeoutError:
                raise self._late(timeout) from None
        return _outcome(self._final, propagate)

    def __await__(self) -> Generator[Any, None, Any]:
        """`await result` is `await result.aget()`."""
        return self.aget().__await__()

    def forget(self) -> None:
        """Remove what is stored."""
        self._final = None
        self._store.forget(self.id)

    def revoke(self, terminate: bool = False, signal: str = "SIGTERM") -> None:
        """It is not to be run; `terminate`: even if it runs already. Tells the workers, and does not wait.
        Raises BrokerError."""
        from runtime.remote.control import Control

        Control(self._store.conf).revoke(self.id, terminate=terminate, signal=signal)

    def as_tuple(self) -> list[Any]:
        """A reference to it (PROTOCOL 10.5)."""
        return [[self.id, None if self.parent is None else self.parent.as_tuple()], None]

    def __json__(self) -> list[Any]:
        return self.as_tuple()

    def __repr__(self) -> str:
        return f"<AsyncResult: {self.id}>"

    def _late(self, timeout: float | None) -> errors.TimeoutError:
        return errors.TimeoutError(f"no result of task {self.id} within {timeout} s")

    def document(self) -> Document:
        """What is stored."""
        if self._final is not None:
            return self._final
        return self.learn(self._store.get(self.id))

    def known(self) -> bool:
        """Nobody has to be asked any more."""
        return self._final is not None

    def learn(self, found: Document) -> Document:
        """Somebody has looked for us."""
        if found.state in states.FINAL:
            self._final = found
        return found


def _outcome(found: Document, propagate: bool) -> Any:
    if propagate and found.state in states.UNSUCCESSFUL:
        raise _noted(found)
    return found.result


def _noted(found: Document) -> BaseException:
    """The stored exception; where it came from shows below it when it is printed."""
    error: BaseException = found.result
    if found.traceback and not getattr(error, "__notes__", None):
        error.add_note(f"\nIn the worker:\n{found.traceback}")
    return error
