"""A bootstep: one part of a worker that is started after others, and stopped before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from runtime.worker.plan import Plan

T = TypeVar("T")


class Step(Generic[T]):
    """Orders and wires one part of the worker, a T; what it starts lives elsewhere.

    Each blueprint makes one of it, without arguments. It runs in the supervisor, whose loop waits for it: be
    quick, and leave no exception to others.
    """

    name: ClassVar[str] = ""
    """Of the step, in logs, pictures and `requires`. Empty: that of its class."""
    requires: ClassVar[tuple[type[Step[Any]] | str, ...]] = ()
    """Steps of the same blueprint that start before this one; those that are not enabled do not count."""

    def enabled(self, plan: Plan) -> bool:
        """Whether this worker has it."""
        return True

    def start(self, parts: Parts) -> T:
        """What it provides, for others to find in `parts`. Whatever it raises ends the worker."""
        raise NotImplementedError(f"{type(self).__qualname__}.start")

    def stop(self, part: T) -> None:
        """Take apart what `start` returned. What it raises is logged."""


def name_of(step: type[Step[Any]]) -> str:
    return step.name or step.__name__


class Parts:
    """What started steps provide: `parts[PoolStep]` is the pool. Written by the blueprint."""

    def __init__(self, plan: Plan, outer: Parts | None = None) -> None:
        """`outer`: further ones, of the blueprint in which this one runs."""
        self.plan = plan
        self._outer = outer
        self._provided: dict[type[Step[Any]], Any] = {}

    def __getitem__(self, step: type[Step[T]]) -> T:
        """Raises KeyError when it has not been started, or is not enabled."""
        if step in self._provided:
            part: T = self._provided[step]
            return part
        if self._outer is None:
            raise KeyError(f"no step {name_of(step)} has been started")
        return self._outer[step]

    def get(self, step: type[Step[T]]) -> T | None:
        """None: it is not enabled."""
        try:
            return self[step]
        except KeyError:
            return None

    def named(self, name: str) -> Any:
        """The same by the step's name. Raises KeyError."""
        for step, part in self._provided.items():
            if name_of(step) == name:
                return part
        if self._outer is None:
            raise KeyError(f"no step {name} has been started")
        return self._outer.named(name)

    def add(self, step: type[Step[T]], part: T) -> None:
        self._provided[step] = part

    def remove(self, step: type[Step[Any]]) -> None:
        del self._provided[step]
