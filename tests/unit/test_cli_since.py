"""Points of time as they are given on the command line."""

from __future__ import annotations

from datetime import datetime

import click
import pytest

from runtime.cli.since import epoch_of


@pytest.mark.parametrize(
    ("text", "ago"), [("0s", 0), ("10m", 600), ("2h", 7200), ("3d", 259_200), ("9999999w", 1e9)]
)
def test_so_long_ago(text: str, ago: float) -> None:
    assert epoch_of(text, 1e9) == 1e9 - ago


def test_a_date_and_a_time() -> None:
    assert epoch_of("2026-11-22T15:00:00+00:00", 0) == 1_795_359_600
    assert epoch_of("2026-11-22", 0) == datetime(2026, 11, 22).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "10",
        "-1m",
        "1.5h",
        "10 m",
        "2026-13-01",
        "9999-12-31T23:59:59-23:00",
        "9" * 400 + "d",
        "9" * 5000 + "d",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither like 10m"):
        epoch_of(text, 1e9)
