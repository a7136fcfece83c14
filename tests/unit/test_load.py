from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime.app.load import find_app
from runtime.errors import AppNotFound

MADE = "from runtime import App\n{} = App({!r}, set_as_current=False)\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; what is imported from it is forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    for package in path.parents:
        if package.name == "proj":
            (package / "__init__.py").touch()


@pytest.mark.parametrize(
    ("file", "attribute", "name"),
    [
        ("proj.py", "app", "proj"),
        ("proj.py", "celery", "proj"),
        ("proj.py", "whatever", "proj"),
        ("proj.py", "app", "proj:app"),
        ("proj.py", "app", "proj.app"),
        ("proj/__init__.py", "app", "proj"),
        ("proj/app.py", "app", "proj"),
        ("proj/app.py", "app", "proj.app"),
        ("proj/celery.py", "app", "proj"),
        ("proj/celery.py", "other", "proj.celery"),
        ("proj/celery.py", "app", "proj.celery:app"),
        ("proj/celery.py", "app", "proj.celery.app"),
        ("proj/tasks.py", "own", "proj.tasks:own"),
    ],
)
def test_where_an_app_is_found(here: Path, file: str, attribute: str, name: str) -> None:
    write(here / file, MADE.format(attribute, "found"))
    assert find_app(name).main == "found"


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        ("", "nowhere", "there is no module 'nowhere'"),
        ("", "nowhere.app", "there is no module 'nowhere'"),
        ("", "proj", "module 'proj' has no App; name it: proj:attribute"),
        ("", "proj:app", "module 'proj' has no 'app'"),
        (MADE.format("app", "a"), "proj:ap", "module 'proj' has no 'ap'; did you mean 'app'?"),
        ("app = 3", "proj:app", "proj:app is of type int, not an App"),
        (MADE.format("a", "a") + MADE.format("b", "b"), "proj", "has 2 Apps, and none is called app"),
        ("", "pro j", "'pro j' is no module"),
        ("", "", "'' is no module"),
    ],
)
def test_what_is_said_when_there_is_none(here: Path, text: str, name: str, what: str) -> None:
    write(here / "proj.py", text)
    with pytest.raises(AppNotFound, match=what) as caught:
        find_app(name)
    assert "\n" not in str(caught.value)


def test_an_error_inside_the_module_is_named_with_its_place(here: Path) -> None:
    write(here / "proj.py", "import no_such_thing")
    with pytest.raises(AppNotFound, match=r"ModuleNotFoundError: .*no_such_thing.*proj\.py, line 1"):
        find_app("proj")
    write(here / "broken.py", "def f(:")
    with pytest.raises(AppNotFound, match=r"SyntaxError: .*broken\.py, line 1"):
        find_app("broken")
