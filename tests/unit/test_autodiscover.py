from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime import App
from tests.support.worker import ROOT

TASKS = "from runtime import shared_task\n\n@shared_task\ndef task():\n    ...\n"


def test_modules_of_packages_are_imported_when_the_app_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, files in {"with_tasks": ("__init__", "tasks"), "without": ("__init__",)}.items():
        (tmp_path / package).mkdir()
        for file in files:
            (tmp_path / package / f"{file}.py").write_text(TASKS if file == "tasks" else "")
    (tmp_path / "alone.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    app = App("discovering", set_as_current=False)
    app.autodiscover_tasks(lambda: ["with_tasks", "without", "alone"])
    assert "with_tasks.tasks.task" not in app.tasks
    app.load()
    assert "with_tasks.tasks.task" in app.tasks


def test_an_error_inside_such_a_module_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("")
    (tmp_path / "broken" / "tasks.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    app = App("discovering", set_as_current=False)
    app.autodiscover_tasks(["broken"])
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        app.load()


def test_the_apps_of_a_django_project() -> None:
    code = "from shop.own import app; app.load(); print(app.conf.task_acks_late, *app.tasks)"
    shop = ROOT / "examples" / "django_shop"
    told = subprocess.run([sys.executable, "-c", code], cwd=shop, capture_output=True, text=True, check=True)
    late, *tasks = told.stdout.split()
    assert (late, [task for task in tasks if not task.startswith("celery.")]) == (
        "True",
        ["orders.jobs.unpaid", "orders.jobs.is_connected"],
    )
