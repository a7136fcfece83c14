"""Fixtures for the tests of projects: the README's example, run by pytest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

README = Path(__file__).parents[2] / "README.md"


def test_the_example_of_the_readme(pytester: pytest.Pytester) -> None:
    files = dict(
        re.findall(
            r"```(?:python|ini)\n# ((?:test_)?shop\.py|pytest\.ini)\n(.*?)```", README.read_text(), re.S
        )
    )
    assert sorted(files) == ["pytest.ini", "shop.py", "test_shop.py"]
    for name, text in files.items():
        pytester.path.joinpath(name).write_text(text)
    result = pytester.runpytest_subprocess("-p", "runtime.integrations.pytest", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_what_is_missing_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(runtime_app): pass")
    result = pytester.runpytest_subprocess("-p", "runtime.integrations.pytest")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*set runtime_app = module:attribute*"])
