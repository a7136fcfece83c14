"""Signatures of the current app's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.canvas.signature import Signature
from runtime.current_app import get_app


def signature(
    task: str | Mapping[str, Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Signature:
    """A call by name, or a stored one; see App.signature. Raises ImproperlyConfigured if there is no app."""
    return get_app().signature(task, args, kwargs, **options)
