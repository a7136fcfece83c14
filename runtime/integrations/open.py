"""The app that `-A` names, whoever's it is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from runtime.app.app import App
from runtime.app.load import find
from runtime.worker.options import OURS, Children

if TYPE_CHECKING:
    from celery import Celery


class Opened(NamedTuple):
    app: App
    """Of a Celery app: what stands for it in this process, with its settings translated."""
    children: Children
    """How a worker's children load it."""
    celery: Celery | None = None
    """The Celery app, if it is one."""


@cache
def open_app(name: str) -> Opened:
    """As `runtime.app.load.find`, whose errors it raises; ImproperlyConfigured for an app that cannot run
    here. The same for the same name."""
    found = find(name)
    if isinstance(found, App):
        return Opened(found, OURS)
    from runtime.integrations.celery.stand_in import children, stand_in, unwrapped

    app = unwrapped(found, name)
    return Opened(stand_in(app, name), children(app), app)
