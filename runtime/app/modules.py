"""Imports the modules that settings and calls name."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

from runtime.errors import ImproperlyConfigured
from runtime.near import did_you_mean


def import_named(names: Iterable[str], by: str) -> None:
    """Raises ImproperlyConfigured for one that there is not, and what they raise themselves. by: what names
    them."""
    for name in names:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            refuse_missing(error, [name], by)
            raise


def refuse_missing(error: ModuleNotFoundError, names: Iterable[str], by: str) -> None:
    """Raises ImproperlyConfigured if it is about one of these, and not about what such a module imports."""
    missing = error.name or ""
    for name in names:
        if f"{name}.".startswith(f"{missing}."):
            raise ImproperlyConfigured(
                f"{by} names {name!r}: there is no module {missing!r}{near(missing)}"
            ) from None


def near(missing: str) -> str:
    """To be put behind the news that there is no such module. Its package, if it is in one, is imported."""
    from pkgutil import iter_modules

    package, dot, _ = missing.rpartition(".")
    path = getattr(sys.modules.get(package), "__path__", None) if dot else None
    if dot and path is None:
        return ""
    names = (f"{package}{dot}{module.name}" for module in iter_modules(path))
    return did_you_mean(missing, (name for name in names if name not in sys.stdlib_module_names))
