"""Exceptions as they are stored (PROTOCOL 10.2)."""

from __future__ import annotations

import sys
from typing import Any

from runtime import errors
from runtime.errors import DecodeError, EncodeError, SecurityError
from runtime.protocol import json_dialect

OURS = {(module, kind.__name__): kind for kind, module in errors.WIRE_MODULES.items()}
"""What comes under Celery's name comes back as ours."""


def to_wire(error: BaseException) -> dict[str, Any]:
    """Arguments that JSON cannot hold are replaced by their printable form."""
    kind = type(error)
    return {
        "exc_type": kind.__qualname__,
        "exc_message": [_encodable(argument) for argument in error.args] or _told(error),
        "exc_module": errors.WIRE_MODULES.get(kind, kind.__module__),
    }


def from_wire(stored: Any) -> BaseException:
    """The exception, of its own class if that is in a module imported already, else of one made up.

    Raises SecurityError if it names something that is no exception class, DecodeError if it is no
    stored exception at all.
    """
    if not isinstance(stored, dict) or not isinstance(stored.get("exc_type"), str):
        raise DecodeError(f"not a stored exception: {stored!r:.200}")
    name, module, message = stored["exc_type"], stored.get("exc_module"), stored.get("exc_message", ())
    kind = _find(module, name) or _made_up(module, name)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        raise SecurityError(f"{module}.{name} is no exception class; its arguments were {message!r:.200}")
    return _instance(kind, tuple(message) if isinstance(message, list | tuple) else (message,))


def _told(error: BaseException) -> list[str]:
    """What an exception without arguments has to say all the same, as pydantic's ValidationError. Its own
    printed form, as billiard's have it, says nothing more."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (__str__ is the user's code)
        return []
    return [text] if text and text != printed(error) else []


def _encodable(argument: Any) -> Any:
    try:
        json_dialect.dumps(argument)
    except EncodeError:
        return printed(argument)
    return argument


def printed(value: object) -> str:
    """repr(), whatever the value's own does."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  (__repr__ is the user's code)
        return f"<{type(value).__name__} that cannot be printed: {type(error).__name__}>"


def _find(module: Any, name: str) -> Any:
    """The class, or None. Never imports what a result names, but for billiard's own exceptions."""
    if (module, name) in OURS:
        return OURS[module, name]
    if module == "billiard.exceptions" and name in errors.BILLIARD:
        return getattr(errors, name)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _made_up(module: Any, name: str) -> type[Exception]:
    return type(name, (Exception,), {"__module__": module if isinstance(module, str) else __name__})


def _instance(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    try:
        return kind(*args)
    except Exception:  # noqa: BLE001  (__init__ is the user's code)
        # It wants other arguments than those that ended in `args`. Its class is what callers catch.
        try:
            error = kind.__new__(kind)
        except TypeError:  # a class in C, such as pydantic's ValidationError
            error = _made_up(kind.__module__, kind.__qualname__)()
        error.args = args
        return error
