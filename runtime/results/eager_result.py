"""What a caller holds of a task that has run here and now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runtime.errors import TaskRevokedError
from runtime.results import states, waiting
from runtime.results.async_result import AsyncResult
from runtime.results.document import Document
from runtime.results.result import Result
from runtime.results.store import ResultStore


class EagerResult(AsyncResult):
    """The result of the task `id`, which has ended. Nobody is asked: it holds what the task returned, or
    raised, itself, as no serializer has changed it."""

    def __init__(
        self,
        id: str,
        ended: Document,
        store: ResultStore,
        *,
        children: Sequence[Result] = (),
        parent: Result | None = None,
    ) -> None:
        super().__init__(id, store, parent=parent)
        self._ended = ended
        self._children = children

    @property
    def children(self) -> list[Result]:
        return list(self._children)

    def ready(self) -> bool:
        return True

    def get(
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True
    ) -> Any:
        """What the task returned. What it raised is raised, or without `propagate` returned. In a task:
        RuntimeError, as of a worker."""
        if disable_sync_subtasks:
            waiting.check()
        if propagate and self._ended.state in states.UNSUCCESSFUL:
            raise self._ended.result
        return self._ended.result

    async def aget(self, timeout: float | None = None, propagate: bool = True) -> Any:
        return self.get(timeout, propagate, disable_sync_subtasks=False)

    def forget(self) -> None:
        """There is nothing stored, or it is for others."""

    def revoke(self, terminate: bool = False, signal: str = "SIGTERM") -> None:
        """It has ended; but from now on it says that it was revoked, as in Celery."""
        self._ended = Document(states.REVOKED, TaskRevokedError("revoked"))

    def document(self) -> Document:
        return self._ended

    def known(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<EagerResult: {self.id}>"
