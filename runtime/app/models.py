"""Arguments and results that are pydantic's models: sent as what they hold, and made again where the task
runs."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import Any

from runtime.errors import ImproperlyConfigured


class Models:
    """Of one function. Raises ImproperlyConfigured if pydantic is not installed."""

    def __init__(
        self,
        task: str,
        function: Callable[..., Any],
        *,
        strict: bool,
        context: Mapping[str, Any],
        dump: Mapping[str, Any],
    ) -> None:
        try:
            from pydantic import BaseModel
        except ImportError as error:
            raise ImproperlyConfigured(
                f"task {task}: pydantic=True, but pydantic is not installed"
            ) from error
        self._base = BaseModel
        self._function = function
        self._signature = signature(function)
        annotations = _annotations(function)
        self._models = {
            name: model for name, hint in annotations.items() if (model := self._model(hint)) is not None
        }
        self._options = {"strict": strict, "context": {**context, "celery_task_name": task}}
        self._dump = {"mode": "json", **dump}

    def wrapped(self) -> Callable[..., Any]:
        """The function, called with models and returning what its result holds. What pydantic will not have
        is its ValidationError, and so the task's failure."""
        function = self._function
        if iscoroutinefunction(function):

            @wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                bound = self._validated(args, kwargs)
                return self._plain_result(await function(*bound.args, **bound.kwargs))

            return coroutine

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = self._validated(args, kwargs)
            return self._plain_result(function(*bound.args, **bound.kwargs))

        return call

    def plain(
        self, args: tuple[Any, ...] | list[Any], kwargs: dict[str, Any], bound_to: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What is sent for these arguments. `bound_to`: the task, if it is the first argument."""
        try:
            bound = self._signature.bind(*bound_to, *args, **kwargs)
        except TypeError:
            return tuple(args), kwargs
        for name, value in bound.arguments.items():
            if name in self._models and isinstance(value, self._base):
                bound.arguments[name] = value.model_dump(**self._dump)
        return bound.args[len(bound_to) :], bound.kwargs

    def _validated(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        for name, model in self._models.items():
            if bound.arguments.get(name) is not None:
                bound.arguments[name] = model.model_validate(bound.arguments[name], **self._options)
        return bound

    def _plain_result(self, value: Any) -> Any:
        """Only of the class that the function says: another may hold what is not meant to be stored."""
        model = self._models.get("return")
        return value.model_dump(**self._dump) if model is not None and isinstance(value, model) else value

    def _model(self, hint: Any) -> Any:
        """The model that an annotation names, by itself or with None."""
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            named = [each for each in typing.get_args(hint) if each is not type(None)]
            hint = named[0] if len(named) == 1 else None
        return hint if isinstance(hint, type) and issubclass(hint, self._base) else None


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """As types; as they stand where that cannot be (a name that is imported for type checkers only)."""
    try:
        return typing.get_type_hints(function)
    except (NameError, AttributeError, TypeError):
        return dict(getattr(function, "__annotations__", {}))
