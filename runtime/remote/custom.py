"""Commands of the user's own: `@control_command` and `@inspect_command`, which read like Celery's.

    from runtime import inspect_command

    @inspect_command()
    def disk_free(state, path="/"):
        return {"bytes": shutil.disk_usage(path).free}

They are asked for like any other, by `app.control.broadcast("disk_free", reply=True)` or `runtime inspect
disk_free`. A command runs in a process of its own beside the worker, one for all of them, with the app
loaded as where tasks run, but neither in the supervisor nor where tasks run. So it may take its time
(30 s), and cannot harm the worker; but it does not see what tasks have changed in their processes. A name
that this worker has itself stays this worker's. In a project whose app is Celery's, Celery's own decorators
(`celery.worker.control`) do the same, and stock `celery inspect` knows the commands, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from runtime.app.app import App

F = TypeVar("F", bound=Callable[..., Any])


class State(NamedTuple):
    """The first argument of every command."""

    app: App
    hostname: str
    """Node name of the worker."""


class CustomCommand(NamedTuple):
    kind: str
    """`inspect` or `control`."""
    function: Callable[..., Any]
    arguments: Sequence[tuple[str, type]]
    """(name, type) of those that a command line gives by their position."""
    variadic: str | None
    """Name of the argument that takes the others there, as a list."""


_commands: dict[str, CustomCommand] = {}


def control_command(
    *,
    name: str | None = None,
    alias: str | None = None,
    args: Sequence[tuple[str, type]] = (),
    variadic: str | None = None,
    signature: str | None = None,
    help: str | None = None,
) -> Callable[[F], F]:
    """Register `function(state, **arguments)` as a command that changes something. What it returns is
    answered, and must be JSON. args, variadic: what a command line may give without a name. signature,
    help: texts of Celery's command line, which has nowhere to show them here."""
    return _register("control", name, alias, args, variadic)


def inspect_command(
    *,
    name: str | None = None,
    alias: str | None = None,
    args: Sequence[tuple[str, type]] = (),
    variadic: str | None = None,
    signature: str | None = None,
    help: str | None = None,
) -> Callable[[F], F]:
    """The same for one that only tells something."""
    return _register("inspect", name, alias, args, variadic)


def registered() -> dict[str, CustomCommand]:
    """By name and by alias."""
    return _commands


def _register(
    kind: str,
    name: str | None,
    alias: str | None,
    args: Sequence[tuple[str, type]],
    variadic: str | None,
) -> Callable[[F], F]:
    def register(function: F) -> F:
        command = CustomCommand(kind, function, args, variadic)
        for each in (name or function.__name__, alias):
            if each is not None:
                _commands[each] = command
        return function

    return register
