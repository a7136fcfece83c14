"""How a blueprint orders, starts and stops its steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest

from runtime import App
from runtime.bootsteps import Parts, Step
from runtime.errors import ImproperlyConfigured
from runtime.worker.blueprint import Blueprint, StepFailed, ordered
from runtime.worker.options import WorkerOptions
from runtime.worker.plan import Plan, plan

Steps = tuple[type[Step[Any]], ...]


def step(name: str, requires: Iterable[Any], said: list[str], **behaviour: bool) -> type[Step[Any]]:
    """One that notes what is done with it. behaviour: `fails`, `fails_to_stop`, `disabled`."""

    class Noted(Step[str]):
        def enabled(self, plan: Plan) -> bool:
            return "disabled" not in behaviour

        def start(self, parts: Parts) -> str:
            if "fails" in behaviour:
                raise OSError("no disk")
            said.append(f"start {name}")
            return f"part {name}"

        def stop(self, part: str) -> None:
            said.append(f"stop {part}")
            if "fails_to_stop" in behaviour:
                raise OSError("no disk")

    Noted.name, Noted.requires = name, tuple(requires)
    return Noted


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def parts() -> Parts:
    app = App("blueprint", set_as_current=False)
    return Parts(plan(app, WorkerOptions(app="blueprint", node="w@h", concurrency=1)))


def test_requirements_decide_the_order_and_the_given_one_stays_else(said: list[str]) -> None:
    a, b, d = step("a", ["c"], said), step("b", [], said), step("d", [], said)
    c = step("c", [d], said)
    assert ordered("test", (a, b, c, d)) == [b, d, c, a]


def test_a_circle_is_refused(said: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured, match="steps of the test blueprint require each other: a, b"):
        ordered("test", (step("a", ["b"], said), step("b", ["a"], said), step("c", [], said)))


def test_an_unknown_requirement_is_refused(said: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"step a requires 'x', which is no step .* one of a, b"):
        ordered("test", (step("a", ["x"], said), step("b", [], said)))


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(
        ImproperlyConfigured, match="'x' is no step of the test blueprint: must be a class of"
    ):
        ordered("test", ("x",))  # type: ignore[arg-type]


def test_it_stops_in_reverse_and_starts_again(said: list[str], parts: Parts) -> None:
    a, off = step("a", [], said), step("off", [], said, disabled=True)
    blueprint = Blueprint("test", (a, step("b", [off, a], said), off))
    for _ in range(2):
        blueprint.start(parts)
        assert (parts[a], parts.named("b"), parts.get(off)) == ("part a", "part b", None)
        blueprint.stop()
        blueprint.stop()
        assert parts.get(a) is None
    assert said == ["start a", "start b", "stop part b", "stop part a"] * 2


def test_a_step_that_fails_to_start_stops_what_had_started(said: list[str], parts: Parts) -> None:
    steps = (step("a", [], said), step("b", [], said, fails=True), step("c", [], said))
    with pytest.raises(StepFailed, match="step b of the test blueprint failed to start: OSError") as failed:
        Blueprint("test", steps).start(parts)
    assert isinstance(failed.value.cause, OSError)
    assert said == ["start a", "stop part a"]


def test_a_step_that_fails_to_stop_keeps_none_running(
    said: list[str], parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    blueprint = Blueprint("test", (step("a", [], said), step("b", [], said, fails_to_stop=True)))
    blueprint.start(parts)
    with caplog.at_level(logging.ERROR):
        blueprint.stop()
    assert said[-2:] == ["stop part b", "stop part a"]
    assert "step b failed to stop" in caplog.text
