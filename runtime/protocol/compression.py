"""Compression of bodies on the way out (PROTOCOL 3). The way in is `brokers.envelope`'s."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

from runtime.errors import ImproperlyConfigured

COMPRESSIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("application/x-gzip", zlib.compress),
    "zlib": ("application/x-gzip", zlib.compress),
    "bzip2": ("application/x-bz2", bz2.compress),
    "bz2": ("application/x-bz2", bz2.compress),
    "lzma": ("application/x-lzma", lzma.compress),
}
"""Name → the type in the header, and the function. What Celery calls gzip is a zlib stream."""


def compress(data: bytes, name: str) -> tuple[bytes, str]:
    """(compressed, what the header says). `name`: as in COMPRESSIONS, or the type.
    Raises ImproperlyConfigured."""
    for known, (kind, function) in COMPRESSIONS.items():
        if name in (known, kind):
            return function(data), kind
    raise ImproperlyConfigured(f"there is no compression {name!r}; there are {', '.join(COMPRESSIONS)}")
