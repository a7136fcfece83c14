"""Are these the arguments that a task's function takes? Asked when it is sent, so that the caller gets
the TypeError."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, signature
from typing import Any

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """What one function takes."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._signature = signature(function)
        parameters = self._signature.parameters.values()
        positional = [parameter for parameter in parameters if parameter.kind in _BY_POSITION]
        self._least = sum(parameter.default is Parameter.empty for parameter in positional)
        self._most = len(positional)
        has_more = any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters)
        self.most = sys.maxsize if has_more else self._most
        """By position."""
        self._keyword_needed = any(
            parameter.kind is Parameter.KEYWORD_ONLY and parameter.default is Parameter.empty
            for parameter in parameters
        )

    def check(self, args: Collection[Any], kwargs: Mapping[str, Any]) -> None:
        """Raises TypeError, worded as Python's own."""
        # Binding costs several microseconds; most calls are as simple as this.
        if not kwargs and not self._keyword_needed and self._least <= len(args) <= self._most:
            return
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}() {error}") from None
