"""The result store of one app, as its clients use it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from brokers.interface import ChordSize, Write
from runtime.errors import ImproperlyConfigured
from runtime.protocol import serializers
from runtime.results import document, states
from runtime.results.document import Described, Document
from runtime.results.keys import ResultKeys
from runtime.settings import Settings

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from brokers.interface import Results, Waiter


class ResultStore:
    """Connects on first use, with the settings of that time. Safe for threads and after a fork."""

    def __init__(self, conf: Settings) -> None:
        self.conf = conf
        self._waiters: dict[AbstractEventLoop, Waiter] = {}

    @cached_property
    def keys(self) -> ResultKeys:
        return ResultKeys.of(self.conf)

    @cached_property
    def _results(self) -> Results:
        from brokers.registry import open_results

        return open_results(self._url(), self.conf.result_backend_transport_options)

    def _waiter(self) -> Waiter:
        """Of the event loop that runs. Those of loops that have ended go when one comes: a weak reference
        would not do, for a waiter refers to its loop."""
        from asyncio import get_running_loop

        from brokers.registry import open_waiter

        loop = get_running_loop()
        waiter = self._waiters.get(loop)
        if waiter is None:
            for ended in [each for each in self._waiters if each.is_closed()]:
                self._waiters.pop(ended, None)
            waiter = open_waiter(self._url(), self.conf.result_backend_transport_options)
            self._waiters[loop] = waiter
        return waiter

    def _url(self) -> str:
        url: str | None = self.conf.result_backend
        if url is None:
            raise ImproperlyConfigured("results are disabled: set result_backend, or backend= of the app")
        return url

    def get(self, task_id: str) -> Document:
        """PENDING if nothing is stored. Raises BrokerError, DecodeError, SecurityError."""
        stored = self._results.get(self.keys.key(task_id))
        return document.PENDING if stored is None else self._decode(stored)

    def get_many(self, ids: Sequence[str]) -> list[Document]:
        """As `get`, in one round trip."""
        found = self._results.get_many([self.keys.key(task_id) for task_id in ids])
        return [document.PENDING if each is None else self._decode(each) for each in found]

    def wait(self, task_id: str, timeout: float | None) -> Document:
        """Block until the state is final, for up to `timeout` seconds. Raises the builtin
        TimeoutError, and as `get`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        key, stored = self.keys.key(task_id), None
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            stored = self._results.wait(key, left, stored)
            found = self._decode(stored)
            if found.state in states.FINAL:
                return found

    async def wait_async(self, task_id: str) -> Document:
        """The same in an event loop, which goes on meanwhile; without a bound."""
        waiter = self._waiter()
        key, stored = self.keys.key(task_id), None
        while True:
            stored = await waiter.wait(key, stored)
            found = self._decode(stored)
            if found.state in states.FINAL:
                return found

    def store(self, task: Described, state: str, result: Any) -> None:
        """Store and announce a state now. Does nothing if results are disabled. Raises EncodeError,
        BrokerError."""
        if self.keys.expires is None or task.id is None:
            return
        encoded = document.encode(state, result, message=task, serializer=self.conf.result_serializer)
        self._results.write(self.keys.writes(task.id, encoded))

    def write(self, documents: Sequence[tuple[str, bytes]]) -> None:
        """Store and announce these, by their tasks' ids. Raises BrokerError."""
        for task_id, encoded in documents:
            self._results.write(self.keys.writes(task_id, encoded))

    def forget(self, task_id: str) -> None:
        self._results.delete([self.keys.key(task_id)])

    # Groups and chords ----------------------------------------------------------------------------------

    def save_group(self, group_id: str, reference: Sequence[Any]) -> None:
        """PROTOCOL 11.1."""
        saved = serializers.encode({"result": reference}, self.conf.result_serializer)
        self._results.write([Write(self.keys.group(group_id), saved, self.keys.expires or 0)])

    def saved_group(self, group_id: str) -> Sequence[Any] | None:
        """Its reference. Raises DecodeError."""
        saved = self._results.get(self.keys.group(group_id))
        if saved is None:
            return None
        found: Sequence[Any] = serializers.named(self.conf.result_serializer).loads(saved)["result"]
        return found

    def forget_group(self, group_id: str) -> None:
        """The saved one, not the results."""
        self._results.delete([self.keys.group(group_id)])

    def begin_chords(self, sizes: Sequence[ChordSize]) -> None:
        self._results.begin_chords(sizes)

    def extend_chord(self, group_id: str) -> None:
        """It waits for one part more."""
        self._results.extend_chord(self.keys.group(group_id), self.keys.chord_expires)

    def chord_entries(self, group_id: str) -> list[Any]:
        """`[1, task id, state, result as stored]` of each part that has ended. Raises DecodeError."""
        loads = serializers.named(self.conf.result_serializer).loads
        return [loads(entry) for entry in self._results.chord_entries(self.keys.group(group_id))]

    def close(self) -> None:
        """What is asked afterwards goes by the settings of that time."""
        self.__dict__.pop("keys", None)
        results = self.__dict__.pop("_results", None)
        if results is not None:
            results.close()

    def _decode(self, stored: bytes) -> Document:
        return document.decode(stored, self.conf.result_serializer)
