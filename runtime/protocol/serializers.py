"""Serialisers by name and by content type, and the gate that keeps out what is not accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

from runtime.content_types import CONTENT_TYPES
from runtime.errors import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from runtime.protocol import json_dialect


class Serializer(NamedTuple):
    name: str
    content_type: str
    content_encoding: str
    dumps: Callable[[Any], bytes]
    """Raises EncodeError."""
    loads: Callable[[bytes], Any]
    """Raises DecodeError."""


def encode(value: Any, name: str = "json") -> bytes:
    """Raises EncodeError, or ImproperlyConfigured for a name that does not exist."""
    return named(name).dumps(value)


def decode(data: bytes, content_type: str, accept: frozenset[str]) -> Any:
    """`accept`: content types, from `accepted_types`. Raises ContentDisallowed or DecodeError."""
    if content_type not in accept:
        allowed = ", ".join(sorted(accept))
        raise ContentDisallowed(f"content type {content_type!r} is not accepted; accept_content: {allowed}")
    serializer = _BY_CONTENT_TYPE.get(content_type)
    if serializer is None:
        raise DecodeError(f"content type {content_type!r} is not known")
    return serializer.loads(data)


def named(name: str) -> Serializer:
    """By name or content type. Raises ImproperlyConfigured."""
    serializer = _BY_NAME.get(name) or _BY_CONTENT_TYPE.get(name)
    if serializer is None:
        raise ImproperlyConfigured(f"there is no serializer {name!r}; there are {', '.join(_BY_NAME)}")
    return serializer


def accepted_types(names: Iterable[str]) -> frozenset[str]:
    """The content types that these names (or content types) stand for. Raises ImproperlyConfigured."""
    return frozenset(named(name).content_type for name in names)


def check_installed(name: str) -> None:
    """Raises ImproperlyConfigured for a serializer whose package is missing."""
    serializer = named(name).name
    if serializer in _PACKAGES and find_spec(_PACKAGES[serializer]) is None:
        raise _missing(serializer)


def _optional(serializer: str) -> ModuleType:
    try:
        return import_module(_PACKAGES[serializer])
    except ModuleNotFoundError:
        raise _missing(serializer) from None


def _missing(serializer: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"serializer {serializer!r} needs a package: pip install 'worker-runtime[{serializer}]'"
    )


def _msgpack_dumps(value: Any) -> bytes:
    msgpack = _optional("msgpack")
    try:
        packed: bytes = msgpack.packb(value, use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise EncodeError(f"cannot be written as msgpack: {error}") from None
    return packed


def _msgpack_loads(data: bytes) -> Any:
    msgpack = _optional("msgpack")
    try:
        return msgpack.unpackb(data, raw=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise DecodeError(f"not msgpack: {error!r}") from None


def _yaml_dumps(value: Any) -> bytes:
    yaml = _optional("yaml")
    try:
        return str(yaml.safe_dump(value)).encode()
    except (yaml.YAMLError, RecursionError) as error:
        raise EncodeError(f"cannot be written as YAML: {error}") from None


def _yaml_loads(data: bytes) -> Any:
    yaml = _optional("yaml")
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DecodeError(f"not YAML: {error}") from None


def _pickle_dumps(value: Any) -> bytes:
    import pickle

    try:
        return pickle.dumps(value)
    except Exception as error:  # noqa: BLE001  (__reduce__ is the user's code)
        raise EncodeError(f"cannot be pickled: {error!r}") from None


def _pickle_loads(data: bytes) -> Any:
    import pickle

    try:
        return pickle.loads(data)
    except Exception as error:  # noqa: BLE001  (unpickling runs the user's code)
        raise DecodeError(f"cannot be unpickled: {error!r}") from None


_SERIALIZERS = (
    Serializer("json", CONTENT_TYPES["json"], "utf-8", json_dialect.dumps, json_dialect.loads),
    Serializer("msgpack", CONTENT_TYPES["msgpack"], "binary", _msgpack_dumps, _msgpack_loads),
    Serializer("yaml", CONTENT_TYPES["yaml"], "utf-8", _yaml_dumps, _yaml_loads),
    Serializer("pickle", CONTENT_TYPES["pickle"], "binary", _pickle_dumps, _pickle_loads),
)
_PACKAGES = {"msgpack": "msgpack", "yaml": "yaml"}
"""Of serializers that need one: its name, which is also that of our extra."""
_BY_NAME = {serializer.name: serializer for serializer in _SERIALIZERS}
_BY_CONTENT_TYPE = {serializer.content_type: serializer for serializer in _SERIALIZERS}
