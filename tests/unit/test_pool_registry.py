"""Pools by name, and pools that other distributions bring."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pools import registry
from pools.interface import ChildOptions
from pools.registry import open_pool, resolve
from pools.solo import SoloPool

OPTIONS = ChildOptions(boot="tests.support.pool_jobs:boot")

MODULE = """
from pools.solo import SoloPool

class Tank(SoloPool):
    def __init__(self, slots, processes, options):
        super().__init__(1, options)
        self.asked = (slots, processes)

not_a_factory = 3
"""

ENTRY_POINTS = """
[worker_runtime.pools]
tank = third_party_tank:Tank
leak = third_party_tank:no_such_thing
hole = no_such_module:Pool
number = third_party_tank:not_a_factory
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution as pip leaves it behind."""
    information = tmp_path / "third_party_tank-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party-tank\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "third_party_tank.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("third_party_tank", None)


def test_celerys_name() -> None:
    assert resolve("processes") == "prefork"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("puddle", "pool 'puddle' is none of prefork"),
        ("solow", "did you mean 'solo'?"),
        ("eventlet", "use gevent"),
    ],
)
def test_an_unknown_kind_is_one_line(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        open_pool(name, 1, OPTIONS)
    assert "\n" not in str(refused.value)


def test_a_kind_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.NEEDED, "solo", "no_such_library")
    with pytest.raises(ValueError, match="pool 'solo' needs no_such_library: pip install no_such_library"):
        resolve("solo")


def test_another_distributions_pool(third_party: None) -> None:
    assert resolve("tank") == "tank"
    pool = open_pool("tank", 7, OPTIONS, processes=2)
    assert isinstance(pool, SoloPool)
    assert pool.asked == (7, 2)  # type: ignore[attr-defined]
    pool.stop(0)


def test_it_is_listed_and_suggested(third_party: None) -> None:
    with pytest.raises(ValueError, match="hole, leak, number, tank; did you mean 'tank'"):
        resolve("tanks")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("leak", "pool 'leak' of third-party-tank cannot be loaded: AttributeError"),
        ("hole", "pool 'hole' of third-party-tank cannot be loaded: ModuleNotFoundError"),
        ("number", "third_party_tank:not_a_factory cannot be called"),
    ],
)
def test_one_that_cannot_be_loaded(third_party: None, name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        open_pool(name, 1, OPTIONS)
