"""What a user's app adds to a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Additions(Generic[T]):
    """In the order in which they were added; each once."""

    def __init__(self) -> None:
        self._added: list[T] = []

    def add(self, addition: T) -> T:
        """Returns it, so that it can be used as a decorator."""
        if addition not in self._added:
            self._added.append(addition)
        return addition

    def __iter__(self) -> Iterator[T]:
        return iter(self._added)

    def __len__(self) -> int:
        return len(self._added)
