"""Fixtures for the tests of projects: `runtime_app`, whose tasks run here and now, and `runtime_worker`, a
worker beside the tests. pytest finds them by the entry point; `runtime_app` in its configuration names the
app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.integrations.worker_under_test import WorkerUnderTest

MISSING = "the fixtures of runtime need its app: set runtime_app = module:attribute in pytest's configuration"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("runtime_app", "The app of runtime's fixtures, as `runtime -A` takes it.")


@pytest.fixture(scope="session")
def runtime_app_name(pytestconfig: pytest.Config) -> str:
    """What `-A` would be. May be overridden."""
    name: str = pytestconfig.getini("runtime_app")
    if not name:
        pytest.fail(MISSING, pytrace=False)
    return name


@pytest.fixture
def runtime_app(runtime_app_name: str) -> Iterator[App]:
    """The project's app, loaded. What its tasks would send runs here and now. Its settings are put back after
    the test."""
    from runtime.app.load import find_app

    app = find_app(runtime_app_name)
    app.load()
    with _settings(app, {"task_always_eager": True}):
        yield app


@pytest.fixture(scope="session")
def runtime_broker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of an embedded broker for these tests alone. It ends a minute after them."""
    return f"embedded://{tmp_path_factory.mktemp('runtime')}"


@pytest.fixture
def runtime_worker(
    runtime_app: App, runtime_app_name: str, runtime_broker: str, tmp_path: Path
) -> Iterator[WorkerUnderTest]:
    """A worker in a process of its own, which has started; what the app sends in this test goes to it."""
    from runtime.integrations.worker_under_test import WorkerUnderTest, settings

    with (
        _settings(runtime_app, {**settings(runtime_broker), "task_always_eager": False}),
        WorkerUnderTest(runtime_app_name, runtime_broker, tmp_path / "runtime-worker.log") as worker,
    ):
        yield worker


@contextmanager
def _settings(app: App, changes: dict[str, Any]) -> Iterator[None]:
    """For a while. Connections are opened anew, with what holds then."""
    before = {name: app.conf[name] for name in changes}
    app.close()
    app.conf.update(changes)
    try:
        yield
    finally:
        app.close()
        app.conf.update(before)
