"""Fixtures of the contract suites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pool_driver import Gate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Holds jobs of a pool up."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()
