"""What stands for a Celery app in the supervisor and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.app.app import App
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery.settings import stores_elsewhere, translated
from runtime.worker.options import Children

if TYPE_CHECKING:
    from celery import Celery

OLDEST = (5, 3)
"""Celery."""


def stand_in(app: Celery, name: str) -> App:
    """An app of ours with the settings of this one; it has no tasks of its own, and sends by their names.
    Raises ImproperlyConfigured if the Celery app cannot run here. name: the value of -A."""
    return App(app.main or name, set_as_current=False, **translated(app).settings)


def children(app: Celery) -> Children:
    """How they load this app."""
    return Children(
        boot="runtime.integrations.celery.child:boot",
        before_fork="runtime.integrations.celery.child:before_fork",
        after_fork="runtime.integrations.celery.child:after_fork",
        commands="runtime.integrations.celery.custom:boot",
        store_ends=stores_elsewhere(app),
    )


def unwrapped(found: Any, name: str) -> Celery:
    """The app itself, where `current_app` or another proxy was found. Raises ImproperlyConfigured for a
    Celery that is too old."""
    import celery

    if celery.VERSION[:2] < OLDEST:
        raise ImproperlyConfigured(f"{name} is an app of Celery {celery.__version__}; 5.3 or newer is needed")
    app: Celery = found._get_current_object() if hasattr(found, "_get_current_object") else found
    return app
