"""Finds the modules with tasks in packages, and in the apps of a Django project (`django_project.py`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import NamedTuple

from runtime.app.modules import import_named

Packages = Iterable[str] | Callable[[], Iterable[str]] | None


class Discovery(NamedTuple):
    """What `App.autodiscover_tasks` was called with."""

    packages: Packages
    """None: the apps of the Django project. A function is called when the modules are wanted."""
    related_name: str | None
    """None: the packages themselves."""

    def modules(self) -> list[str]:
        """Those that there are. Raises ImproperlyConfigured for a package that there is not, and what they
        raise themselves."""
        named = self.packages() if callable(self.packages) else self.packages
        packages = [named] if isinstance(named, str) else list(_django_apps() if named is None else named)
        if not self.related_name:
            return packages
        import_named(packages, by="autodiscover_tasks")
        return [name for package in packages if _exists(package, name := f"{package}.{self.related_name}")]


def _django_apps() -> list[str]:
    from django.apps import apps

    return [config.name for config in apps.get_app_configs()]


def _exists(package: str, name: str) -> bool:
    """An app may be named by a module that is no package."""
    return hasattr(sys.modules[package], "__path__") and find_spec(name) is not None
