"""Commands of remote control that a Celery app adds, by Celery's decorators or by ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from runtime.integrations.celery import loading
from runtime.remote import custom
from runtime.remote.custom import State
from runtime.worker.commands import custom_process
from runtime.worker.commands.registry import Entry, custom_entries

if TYPE_CHECKING:
    from celery import Celery


def entries(app: Celery) -> dict[str, Entry]:
    """All that its workers obey, by name. The app's modules are imported."""
    from celery.worker.control import Panel

    app.loader.import_default_modules()
    theirs = {
        name: Entry(name, info.type, Panel.data[name], info.args or (), info.variadic)
        for name, info in Panel.meta.items()
    }
    return {**theirs, **custom_entries()}


def functions() -> dict[str, Callable[..., Any]]:
    """The app's own, by name and by alias, once its modules have been imported."""
    from celery.worker.control import Panel

    theirs = {name: each for name, each in Panel.data.items() if not each.__module__.startswith("celery.")}
    return {**theirs, **{name: command.function for name, command in custom.registered().items()}}


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """The process that runs them; as `pools.interface.ChildOptions.boot` wants it."""
    given = orjson.loads(argument)
    app = loading.loaded(given)
    app.loader.init_worker()
    return custom_process.runner(functions(), State(app, given["node"])), b""
