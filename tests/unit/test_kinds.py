"""The kinds of pools, and what INTERNALS.md says of them."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name

import pytest

from pools.kinds import BY_NAME, SHORTCOMINGS, Kind

INTERNALS = Path(__file__).parents[2] / "INTERNALS.md"


def table() -> str:
    lines = ["| promise | " + " | ".join(BY_NAME) + " |", "|---|" + "---|" * len(BY_NAME)]
    for key, text in SHORTCOMINGS.items():
        marks = ["no" if key in kind.cannot else "yes" for kind in BY_NAME.values()]
        lines.append(f"| {text} | {' | '.join(marks)} |")
    return "\n".join(lines)


def test_internals_shows_the_table_of_shortcomings() -> None:
    assert table() in INTERNALS.read_text(), f"INTERNALS.md should have:\n{table()}"


@pytest.mark.parametrize("kind", BY_NAME.values(), ids=str)
def test_a_description_names_what_there_is(kind: Kind) -> None:
    assert set(kind.cannot) <= SHORTCOMINGS.keys()
    for name in (kind.serve, kind.prepare, kind.after_fork):
        assert name is None or callable(resolve_name(name))
