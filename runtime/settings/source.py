"""Where settings come from: a dict, an object, or a module by name (`config_from_object`)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import isclass, isfunction, ismodule
from typing import Any

from runtime.errors import ImproperlyConfigured
from runtime.settings.definitions.inert import inert_reason
from runtime.settings.settings import DEFINITIONS

RENAMED = {
    "CELERY_RESULT_BACKEND": "result_backend",
    "CELERY_MESSAGE_COMPRESSION": "task_compression",
    "CELERY_RESULT_DBURI": "database_url",
    "CELERY_SEND_EVENTS": "worker_send_task_events",
    "CELERY_TASK_RESULT_EXPIRES": "result_expires",
    "CELERY_SEND_TASK_SENT_EVENT": "task_send_sent_event",
    "CELERY_EAGER_PROPAGATES_EXCEPTIONS": "task_eager_propagates",
    "CELERYBEAT_SCHEDULE": "beat_schedule",
}
"""Celery's old uppercase names that do not follow from a prefix."""

PREFIXES = {
    "celeryd_": ("worker_",),
    "celerybeat_": ("beat_",),
    "celery_": ("", "task_", "worker_", "result_"),
}
"""Old prefix → what it may be now."""


NO_SETTINGS = (ismodule, isclass, isfunction)
"""What a configuration module contains beside settings."""


def read(source: Any, namespace: str | None = None) -> dict[str, Any]:
    """The settings in a dict, an object's attributes, or a module's (`"proj.celeryconfig"`, or
    `"module:attribute"`).

    With a namespace, only names `<NAMESPACE>_<NAME>` count, in upper case. Without, in an object or a
    module: what is a function, class or module, and names in capitals or with a leading underscore,
    are not settings. Raises ImproperlyConfigured for names of Celery's old uppercase settings.
    """
    if source is None:
        raise ImproperlyConfigured("there is no configuration object: it is None")
    if isinstance(source, str):
        source = _load(source)
    prefix = f"{namespace.upper()}_" if namespace is not None else ""
    names = [
        name for name in (source if isinstance(source, Mapping) else dir(source)) if name.startswith(prefix)
    ]
    values = {n: source[n] if isinstance(source, Mapping) else getattr(source, n) for n in names}
    if namespace is not None:
        return {n.removeprefix(prefix).lower(): v for n, v in values.items()}
    for name in values:
        _refuse_old(name)
    if isinstance(source, Mapping):
        return values
    return {n: v for n, v in values.items() if n in DEFINITIONS or inert_reason(n) or _looks_like_one(n, v)}


def _load(path: str) -> Any:
    name, _, attribute = path.partition(":")
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name and not name.startswith(error.name):
            raise
        raise ImproperlyConfigured(f"there is no configuration module {name!r}") from None
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ImproperlyConfigured(f"module {name!r} has no {attribute!r}") from None


def _looks_like_one(name: str, value: Any) -> bool:
    return not (name.startswith("_") or name.isupper() or any(is_a(value) for is_a in NO_SETTINGS))


def _refuse_old(name: str) -> None:
    if not name.isupper():
        return
    new = RENAMED.get(name) or _renamed(name.lower())
    if new is not None:
        raise ImproperlyConfigured(f"{name} is the old name of a setting; write {new}")


def _renamed(lower: str) -> str | None:
    candidates = [lower]
    for old, prefixes in PREFIXES.items():
        if lower.startswith(old):
            candidates += [prefix + lower.removeprefix(old) for prefix in prefixes]
    return next((name for name in candidates if name in DEFINITIONS or inert_reason(name)), None)
