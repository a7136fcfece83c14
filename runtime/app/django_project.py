"""What a worker does for a Django project, as Django itself does for requests."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from runtime import hooks


def set_up() -> None:
    """If the environment names a project, and Django is installed. Raises what its settings do.

    Connections to databases that are too old (CONN_MAX_AGE) or broken are closed before and after each task.
    """
    if not os.environ.get("DJANGO_SETTINGS_MODULE") or find_spec("django") is None:
        return
    import django

    django.setup()
    hooks.task_prerun.connect(_close_old_connections)
    hooks.task_postrun.connect(_close_old_connections)


def _close_old_connections(**more: Any) -> None:
    from django.db import close_old_connections

    close_old_connections()
