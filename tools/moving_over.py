"""Writes docs/moving-over.md anew: the tables come from what the program itself goes by. Needs Celery.

python tools/moving_over.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from runtime.integrations.celery.equals import OPTIONS, How, of_setting
from runtime.settings import DEFINITIONS
from runtime.settings.definitions.inert import inert_reason

PAGE = Path(__file__).parent.parent / "docs" / "moving-over.md"
MARK = "<!-- The tables below are written by tools/moving_over.py. -->"


def option_rows() -> Iterator[str]:
    yield "| `celery worker` | `runtime start` | |"
    yield "|---|---|---|"
    for name, equal in OPTIONS.items():
        yield f"| `{name}` | {equal.how.value} | {equal.note} |"


def setting_rows() -> Iterator[str]:
    from celery.app.defaults import NAMESPACES, flatten

    yield "| setting | a Celery app here | | in an `App` of runtime's |"
    yield "|---|---|---|---|"
    for name in sorted(name for name, _ in flatten(NAMESPACES)):
        equal = of_setting(name)
        yield f"| `{name}` | {equal.how.value} | {equal.note} | {_own(name)} |"


def _own(name: str) -> str:
    return "yes" if name in DEFINITIONS else inert_reason(name) or "unknown"


def tables() -> str:
    legend = {
        How.SAME: "the worker obeys it as Celery's does",
        How.CELERY: "Celery's own code obeys it, in the processes that run tasks or send them",
        How.OTHER: "there is something else for it, or it has become needless",
        How.NONE: "it does nothing; the worker names it in a warning when it starts",
    }
    return "\n".join(
        [
            MARK,
            "",
            "## Options",
            "",
            *option_rows(),
            "",
            "## Settings",
            "",
            *(f"- *{how.value}*: {meaning}." for how, meaning in legend.items()),
            "",
            *setting_rows(),
            "",
        ]
    )


def main() -> None:
    text, _, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(text + tables())


if __name__ == "__main__":
    main()
