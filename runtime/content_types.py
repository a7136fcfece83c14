"""The serializers that there are, by their names, and what each calls its form (PROTOCOL 3)."""

from __future__ import annotations

CONTENT_TYPES = {
    "json": "application/json",
    "msgpack": "application/x-msgpack",
    "yaml": "application/x-yaml",
    "pickle": "application/x-python-serialize",
}
