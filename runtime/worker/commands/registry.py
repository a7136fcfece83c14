"""The commands by name, and what each of them takes."""

from __future__ import annotations

import inspect as reflection
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from runtime.remote import custom

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

NEEDED = (reflection.Parameter.empty, reflection.Parameter.POSITIONAL_OR_KEYWORD)


class Entry(NamedTuple):
    name: str
    kind: str
    """`inspect`: changes nothing; or `control`."""
    function: Function
    arguments: Sequence[tuple[str, type]]
    """(name, type) of those that a command line gives by their position."""
    variadic: str | None
    """Name of the argument that takes the others on a command line, as a list."""
    needs_held: bool = False
    """`WorkerView.held` is to be filled before."""
    answers: bool = True

    def known(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Those that it takes; others are ignored, as clients of other versions may send them."""
        names = self.parameters()
        return {name: value for name, value in arguments.items() if name in names}

    def parameters(self) -> list[str]:
        """Names of all arguments."""
        return [parameter.name for parameter in self._parameters()]

    def needed(self) -> list[str]:
        """Names of those that have no default."""
        return [each.name for each in self._parameters() if (each.default, each.kind) == NEEDED]

    def _parameters(self) -> list[reflection.Parameter]:
        return list(reflection.signature(self.function).parameters.values())[1:]


class Registry:
    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def inspect(
        self,
        *,
        alias: str | None = None,
        arguments: Sequence[tuple[str, type]] = (),
        variadic: str | None = None,
        needs_held: bool = False,
    ) -> Callable[[F], F]:
        """Register a question. alias: its old name."""
        return self._register("inspect", alias, arguments, variadic, needs_held=needs_held)

    def control(
        self,
        *,
        arguments: Sequence[tuple[str, type]] = (),
        variadic: str | None = None,
        answers: bool = True,
    ) -> Callable[[F], F]:
        """Register a change. answers: False: nothing is said, whatever it returns."""
        return self._register("control", None, arguments, variadic, answers=answers)

    def find(self, name: str) -> Entry:
        """Raises KeyError."""
        return self._entries[name]

    def names(self) -> list[str]:
        """Of all, without their aliases."""
        return [name for name, entry in self._entries.items() if name == entry.name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def _register(
        self,
        kind: str,
        alias: str | None,
        arguments: Sequence[tuple[str, type]],
        variadic: str | None,
        **more: bool,
    ) -> Callable[[F], F]:
        def register(function: F) -> F:
            entry = Entry(function.__name__, kind, function, arguments, variadic, **more)
            for name in (entry.name, alias):
                if name is not None:
                    self._entries[name] = entry
            return function

        return register


COMMANDS = Registry()


def custom_entries() -> dict[str, Entry]:
    """Of what modules imported so far have registered by our decorators; by name and by alias."""
    return {
        name: Entry(name, own.kind, own.function, own.arguments, own.variadic)
        for name, own in custom.registered().items()
    }
