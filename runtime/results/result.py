"""What all results have in common: an id, what went before, and what follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from runtime.errors import IncompleteStream
from runtime.results.store import ResultStore


class Result(ABC):
    """The result of a task, or of a group; present or future."""

    kinds: ClassVar[dict[str, type[Result]]] = {}
    id: str
    parent: Result | None
    """Of what was before it in its chain; of a chord's body: its header."""

    def __init_subclass__(cls) -> None:
        Result.kinds.setdefault(cls.__name__, cls)

    @staticmethod
    def read(reference: Sequence[Any], store: ResultStore) -> Result:
        """From a reference (PROTOCOL 10.5). Chains may be long, so parents are not read by recursion."""
        line = []
        parent: Any = reference
        while parent is not None:
            (result_id, parent), members = _parts(parent)
            line.append((result_id, members))
        found: Result | None = None
        for result_id, members in reversed(line):
            kind = Result.kinds["AsyncResult" if members is None else "GroupResult"]
            found = kind.of(result_id, members, found, store)
        assert found is not None
        return found

    @classmethod
    @abstractmethod
    def of(cls, result_id: str, members: Any, parent: Result | None, store: ResultStore) -> Self: ...

    @property
    @abstractmethod
    def children(self) -> Sequence[Result]: ...

    @abstractmethod
    def ready(self) -> bool: ...

    @abstractmethod
    def get(
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True
    ) -> Any: ...

    @abstractmethod
    async def aget(self, timeout: float | None = None, propagate: bool = True) -> Any: ...

    @abstractmethod
    def as_tuple(self) -> list[Any]: ...

    def iterdeps(self, intermediate: bool = False) -> Iterator[tuple[Result | None, Result]]:
        """(result, its child) through the whole tree below, itself first, with None. Raises IncompleteStream
        where one is not ready, unless `intermediate`."""
        waiting: deque[tuple[Result | None, Result]] = deque([(None, self)])
        while waiting:
            parent, node = waiting.popleft()
            yield parent, node
            if node.ready():
                waiting.extend((node, child) for child in node.children)
            elif not intermediate:
                raise IncompleteStream(f"the result of {node.id} is not ready")

    def collect(
        self,
        intermediate: bool = False,
        timeout: float | None = None,
        propagate: bool = True,
        disable_sync_subtasks: bool = True,
    ) -> Iterator[tuple[Result, Any]]:
        """(result, its value) through the whole tree below, waiting for each, as `get` does."""
        waiting: deque[Result] = deque([self])
        while waiting:
            node = waiting.popleft()
            yield node, node.get(timeout, propagate, disable_sync_subtasks)
            waiting.extend(node.children)

    @property
    def graph(self) -> dict[Result, list[Result]]:
        """Each result in the whole tree, from the first parent on, and its children. Raises as iterdeps."""
        found: dict[Result, list[Result]] = {}
        top: Result = self
        while top.parent is not None:
            top = top.parent
        for parent, node in top.iterdeps():
            found.setdefault(node, [])
            if parent is not None:
                found[parent].append(node)
        return found

    def __eq__(self, other: object) -> bool:
        return other.id == self.id if isinstance(other, Result) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id


def _parts(reference: Any) -> tuple[tuple[str, Any], Any]:
    """A reference may be an id alone."""
    if isinstance(reference, str):
        return (reference, None), None
    head, members = reference
    result_id, parent = (head, None) if isinstance(head, str) else head
    return (result_id, parent), members
