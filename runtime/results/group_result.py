"""What a caller holds of a group that it has sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Self

from runtime import errors
from runtime.errors import ImproperlyConfigured
from runtime.results import states, waiting
from runtime.results.async_result import AsyncResult, HasResults
from runtime.results.result import Result
from runtime.results.store import ResultStore

AHEAD = 500
"""Results that are looked at together."""
LOOK = 0.25
"""Seconds without an end after which the results in any order are looked at anew."""


class GroupResult(Result):
    """The results of the group `id`, in the order of its members. Everything that asks raises BrokerError if
    the store cannot be reached."""

    app: HasResults | None = None
    """Of a class that belongs to one (`App.GroupResult`)."""

    def __init__(
        self,
        id: str,
        results: Iterable[Result] = (),
        *,
        app: HasResults | None = None,
        parent: Result | None = None,
        store: ResultStore | None = None,
    ) -> None:
        app = app or self.app
        if store is None and app is None:
            raise ImproperlyConfigured(f"GroupResult({id!r}) belongs to no app: use app.GroupResult()")
        self.id = id
        self.results = list(results)
        self.parent = parent
        self._store: ResultStore = store or app.results  # type: ignore[union-attr]

    @classmethod
    def of(cls, result_id: str, members: Any, parent: Result | None, store: ResultStore) -> Self:
        return cls(result_id, [Result.read(each, store) for each in members], parent=parent, store=store)

    @classmethod
    def restore(cls, id: str, app: HasResults | None = None) -> Result | None:
        """One that was saved; None if there is none of that id."""
        app = app or cls.app
        if app is None:
            raise ImproperlyConfigured("use app.GroupResult.restore()")
        saved = app.results.saved_group(id)
        return None if saved is None else Result.read(saved, app.results)

    def save(self) -> None:
        """For `restore`, as long as results are kept."""
        self._store.save_group(self.id, self.as_tuple())

    def delete(self) -> None:
        """What was saved."""
        self._store.forget_group(self.id)

    @property
    def children(self) -> Sequence[Result]:
        return self.results

    # How far it is ----------------------------------------------------------------------------------------

    def ready(self) -> bool:
        return all(state in states.FINAL for state in self._states())

    def successful(self) -> bool:
        return all(state == states.SUCCESS for state in self._states())

    def failed(self) -> bool:
        """One of them has."""
        return any(state == states.FAILURE for state in self._states())

    def waiting(self) -> bool:
        """One of them is not ready."""
        return not self.ready()

    def completed_count(self) -> int:
        """How many have succeeded."""
        return sum(state == states.SUCCESS for state in self._states())

    def maybe_throw(self, propagate: bool = True) -> None:
        """Raise what the first failed one has raised."""
        for leaf in self._leaves():
            if leaf.state in states.UNSUCCESSFUL:
                leaf.get(propagate=propagate, disable_sync_subtasks=False)

    # Results ----------------------------------------------------------------------------------------------

    def get(
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True
    ) -> list[Any]:
        """All of them, in order; see AsyncResult.get. `timeout`: seconds for all together."""
        return self.join(timeout, propagate, disable_sync_subtasks=disable_sync_subtasks)

    def join(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        callback: Callable[[str, Any], Any] | None = None,
        disable_sync_subtasks: bool = True,
    ) -> list[Any]:
        """As `get`. `callback`: called with each id and value instead; nothing is returned then."""
        if disable_sync_subtasks:
            waiting.check()
        deadline = None if timeout is None else time.monotonic() + timeout
        values = []
        for number, result in enumerate(self.results):
            if number % AHEAD == 0:
                self._look(self.results[number : number + AHEAD])
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            value = result.get(left, propagate, disable_sync_subtasks=False)
            if callback is not None:
                callback(result.id, value)
            else:
                values.append(value)
        return values

    join_native = join

    async def aget(self, timeout: float | None = None, propagate: bool = True) -> list[Any]:
        """`get` in an event loop, which goes on meanwhile."""
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                return [await result.aget(propagate=propagate) for result in self.results]
        except TimeoutError:
            raise errors.TimeoutError(f"not all results of group {self.id} within {timeout} s") from None

    def __await__(self) -> Generator[Any, None, list[Any]]:
        """`await result` is `await result.aget()`."""
        return self.aget().__await__()

    def iterate(
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True
    ) -> Iterator[Any]:
        """Values as they come. Raises runtime.errors.TimeoutError; RuntimeError as `get`."""
        if disable_sync_subtasks:
            waiting.check()
        for _, result in self._as_they_come(timeout):
            yield result.get(propagate=propagate, disable_sync_subtasks=False)

    def iter_native(self, timeout: float | None = None) -> Iterator[tuple[str, Any]]:
        """(id, the members of its result document) as they come."""
        for result_id, result in self._as_they_come(timeout):
            if isinstance(result, AsyncResult):
                yield result_id, result.document().fields

    def _as_they_come(self, timeout: float | None) -> Iterator[tuple[str, Result]]:
        deadline = None if timeout is None else time.monotonic() + timeout
        missing = list(self.results)
        while missing:
            self._look(missing)
            ready = [each for each in missing if each.ready()]
            missing = [each for each in missing if each not in ready]
            yield from ((each.id, each) for each in ready)
            if missing and not ready:
                if deadline is not None and time.monotonic() >= deadline:
                    raise errors.TimeoutError(f"no further result of group {self.id} within {timeout} s")
                self._nap(missing[0], deadline)

    @staticmethod
    def _nap(result: Result, deadline: float | None) -> None:
        seconds = min(LOOK, LOOK if deadline is None else deadline - time.monotonic())
        try:
            result.get(seconds, propagate=False, disable_sync_subtasks=False)
        except TimeoutError:
            return

    # What may be done -------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Remove what is stored of each."""
        for leaf in self._leaves():
            leaf.forget()

    def revoke(self, terminate: bool = False, signal: str = "SIGTERM") -> None:
        """None of them is to be run; see AsyncResult.revoke."""
        from runtime.remote.control import Control

        ids = [leaf.id for leaf in self._leaves()]
        Control(self._store.conf).revoke(ids, terminate=terminate, signal=signal)

    def add(self, result: Result) -> None:
        if result not in self.results:
            self.results.append(result)

    def remove(self, result: Result) -> None:
        """Raises KeyError if it is not among them."""
        try:
            self.results.remove(result)
        except ValueError:
            raise KeyError(result) from None

    def discard(self, result: Result) -> None:
        if result in self.results:
            self.results.remove(result)

    def clear(self) -> None:
        self.results.clear()

    # ------------------------------------------------------------------------------------------------------

    def as_tuple(self) -> list[Any]:
        """A reference to it (PROTOCOL 10.5)."""
        head = [self.id, None if self.parent is None else self.parent.as_tuple()]
        return [head, [result.as_tuple() for result in self.results]]

    def __json__(self) -> list[Any]:
        return self.as_tuple()

    def __len__(self) -> int:
        return len(self.results)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __getitem__(self, index: int) -> Result:
        return self.results[index]

    def __repr__(self) -> str:
        return f"<GroupResult: {self.id} [{', '.join(result.id for result in self.results)}]>"

    def _leaves(self) -> Iterator[AsyncResult]:
        for result in self.results:
            if isinstance(result, GroupResult):
                yield from result._leaves()
            elif isinstance(result, AsyncResult):
                yield result

    def _states(self) -> Iterator[str]:
        leaves = list(self._leaves())
        self._look(leaves)
        return (leaf.state for leaf in leaves)

    def _look(self, results: Sequence[Result]) -> None:
        """Learn which of them are ready, in few round trips."""
        unknown = [each for each in results if isinstance(each, AsyncResult) and not each.known()]
        for start in range(0, len(unknown), AHEAD):
            some = unknown[start : start + AHEAD]
            for result, found in zip(some, self._store.get_many([each.id for each in some]), strict=True):
                result.learn(found)
