"""A step with a queue of its own: messages that are no tasks, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from runtime.bootsteps.step import Parts, Step


class Message(NamedTuple):
    body: Any
    """Decoded; only of a type that the setting `accept_content` has."""
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]


class Listener(Protocol):
    """See `runtime.worker.listener`."""

    def close(self) -> None:
        """Ask for no more, and give back what has not been handled."""


class Listeners(Protocol):
    """What the worker's step of this name provides."""

    def open(self, step: str, queue: str, handle: Callable[[Message], object]) -> Listener: ...


class QueueStep(Step[Listener]):
    """For the worker blueprint: it has a connection and a lease of its own, which heal by themselves.

    The messages are handled one after the other, in their order, each in a thread of this step: the worker
    goes on meanwhile, however long it takes. A message is acknowledged when `handle` has returned; it is
    a dead letter if that raises. If the worker dies meanwhile it is given out again, so `handle` may see it
    twice.
    """

    queue: ClassVar[str]
    """Its name. No worker may take tasks from it."""
    requires = ("Listeners", "Consumer")

    def handle(self, message: Message) -> object:
        raise NotImplementedError(f"{type(self).__qualname__}.handle")

    def start(self, parts: Parts) -> Listener:
        listeners: Listeners = parts.named("Listeners")
        return listeners.open(type(self).__name__, self.queue, self.handle)

    def stop(self, part: Listener) -> None:
        part.close()
