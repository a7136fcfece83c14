"""The app of `tests.support.app`, with log lines of its own form."""

from __future__ import annotations

import logging
from typing import Any

from runtime import hooks
from tests.support.app import app

__all__ = ["app"]


@hooks.setup_logging.connect
def set_up(loglevel: int, **given: Any) -> None:
    logging.basicConfig(level=loglevel, format="MINE %(levelname)s %(message)s")
