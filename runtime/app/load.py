"""Finds the app that `-A` names, as Celery does."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from runtime.app.app import App
from runtime.app.modules import near
from runtime.errors import AppNotFound, ImproperlyConfigured
from runtime.near import did_you_mean


def find_app(name: str) -> App:
    """As `find`, but one of ours. Raises AppNotFound."""
    found = find(name)
    if not isinstance(found, App):
        raise AppNotFound(f"{name} is of type {type(found).__name__}, not an App")
    return found


def find(name: str) -> object:
    """An App, or a `celery.Celery`: `module:attribute`; or a module, package or dotted attribute, in which it
    is `app`, `celery`, or the only one there is; or a package with such a module `celery`. The working
    directory is put on sys.path. Raises AppNotFound with one line, also for a module that cannot be
    imported."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module, separator, attribute = name.partition(":")
    if "/" in name or name.endswith(".py"):
        path = name.removeprefix("./").removesuffix(".py").replace("/", ".").strip(".")
        raise AppNotFound(f"{name!r} is a file; -A takes the name of a module, such as {path!r}")
    if not all(part.isidentifier() for part in module.split(".")):
        raise AppNotFound(f"{name!r} is no module, nor module:attribute")
    if separator:
        return _attribute(_module(module), attribute)
    if not _exists(module) and "." in module:
        outer, _, last = module.rpartition(".")
        return _attribute(_module(outer), last)
    return _app_in(_module(module))


def _kinds() -> tuple[type, ...]:
    """What counts as an app. Celery is not imported for it: an app of its has done that."""
    module = sys.modules.get("celery.app.base")
    return (App,) if module is None else (App, module.Celery)


def _app_in(module: ModuleType) -> object:
    for attribute in ("app", "celery"):
        found = getattr(module, attribute, None)
        if isinstance(found, _kinds()):
            return found
        # proj/app.py inside the package proj.
        if found is None and hasattr(module, "__path__") and _exists(f"{module.__name__}.{attribute}"):
            found = import_module(f"{module.__name__}.{attribute}")
        if isinstance(found, ModuleType) and found is not module:
            return _app_in(found)
    apps = list({id(value): value for value in vars(module).values() if isinstance(value, _kinds())}.values())
    if len(apps) != 1:
        what = "no App" if not apps else f"{len(apps)} Apps, and none is called app"
        raise AppNotFound(f"module {module.__name__!r} has {what}; name it: {module.__name__}:attribute")
    return apps[0]


def _attribute(module: ModuleType, path: str) -> object:
    found: object = module
    for part in path.split("."):
        found = getattr(found, part, None)
    if isinstance(found, ModuleType):
        return _app_in(found)
    if found is None:
        apps = (name for name, value in vars(module).items() if isinstance(value, _kinds()))
        hint = did_you_mean(path, apps) or near(f"{module.__name__}.{path}")
        raise AppNotFound(f"module {module.__name__!r} has no {path!r}{hint}")
    if not isinstance(found, _kinds()):
        raise AppNotFound(f"{module.__name__}:{path} is of type {type(found).__name__}, not an App")
    return found


def _module(name: str) -> ModuleType:
    if not _exists(name):
        where = f"(looked in {os.getcwd()} and on sys.path)"
        raise AppNotFound(f"there is no module {name!r} {where}{near(name)}")
    try:
        return import_module(name)
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise AppNotFound(f"module {name!r} cannot be imported: {_where(error)}") from error


def _where(error: Exception) -> str:
    """What user code raised, and in which line."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"


def _exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        # A parent is missing or no package; or it is a module without a spec, such as __main__.
        return name in sys.modules
