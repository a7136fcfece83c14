"""The app of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from runtime.app.app import App


class _Current:
    app: App | None = None


def set_app(app: App) -> None:
    _Current.app = app


def get_app() -> App:
    """The app that was made, or made current, last. Raises ImproperlyConfigured if there is none."""
    if _Current.app is None:
        raise ImproperlyConfigured("there is no app yet: make one with App(name)")
    return _Current.app
