"""The app of `tests.support.app`, for messages in more than JSON."""

from __future__ import annotations

from tests.support.app import app

__all__ = ["app"]

app.conf.accept_content = ["json", "msgpack", "yaml"]
