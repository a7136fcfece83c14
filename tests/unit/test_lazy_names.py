"""`import runtime` costs nothing; its names come when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import runtime
from tests.support.worker import ROOT


@pytest.mark.parametrize("name", runtime.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(runtime, name).__name__ == name
    assert name in dir(runtime)


def test_no_other_is() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        runtime.Nothing  # noqa: B018


def test_importing_the_package_imports_no_app() -> None:
    program = "import sys, runtime; print('runtime.app' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_celery_and_django_are_imported_for_an_app_of_theirs_only() -> None:
    program = (
        "import sys, runtime.worker.start; from runtime.integrations.open import open_app;"
        "open_app('examples.tasks').app.load(); print({'celery', 'kombu', 'django'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "set()\n"
