"""A blueprint: bootsteps in the order of what they require, started in it, stopped in reverse."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from runtime.bootsteps.step import Parts, Step, name_of
from runtime.errors import ImproperlyConfigured

logger = logging.getLogger("runtime.worker")

AnyStep = type[Step[Any]]


class StepFailed(Exception):
    """A step could not be started; what had been started before it has been stopped. `__cause__` is why."""

    def __init__(self, blueprint: str, step: str, cause: Exception) -> None:
        super().__init__(f"step {step} of the {blueprint} blueprint failed to start: {cause!r}")
        self.cause = cause


class Blueprint:
    """Single-threaded. It may be started again after it was stopped."""

    def __init__(self, name: str, steps: Sequence[AnyStep]) -> None:
        """Raises ImproperlyConfigured for a requirement that no step meets, or that leads in a circle."""
        self.name = name
        self.order = ordered(name, steps)
        self._parts: Parts | None = None
        self._started: list[tuple[Step[Any], Any]] = []
        """With what each has provided."""

    def start(self, parts: Parts) -> None:
        """Each step that is enabled; what it provides is added to `parts`. Raises StepFailed."""
        self._parts = parts
        try:
            for kind in self.order:
                self._start(kind, parts)
        except BaseException:
            self.stop()
            raise

    def _start(self, kind: AnyStep, parts: Parts) -> None:
        name = name_of(kind)
        try:
            step = kind()
            if not step.enabled(parts.plan):
                return
            logger.debug("Blueprint %s: starting %s", self.name, name)
            part = step.start(parts)
        except Exception as error:
            raise StepFailed(self.name, name, error) from error
        self._started.append((step, part))
        parts.add(kind, part)

    def stop(self) -> None:
        """What has started, the last one first. If one fails, that is logged, and the others still stop."""
        while self._started:
            step, part = self._started.pop()
            name = name_of(type(step))
            logger.debug("Blueprint %s: stopping %s", self.name, name)
            try:
                step.stop(part)
            except Exception:
                logger.exception("Blueprint %s: step %s failed to stop", self.name, name)
            if self._parts is not None:
                self._parts.remove(type(step))


def ordered(blueprint: str, steps: Sequence[AnyStep]) -> list[AnyStep]:
    """The steps, each after those that it requires, else as given. Raises ImproperlyConfigured."""
    for step in steps:
        _check(blueprint, step)
    required = requirements(blueprint, steps)
    order: list[AnyStep] = []
    waiting = list(required)
    while waiting:
        following = next((step for step in waiting if required[step] <= set(order)), None)
        if following is None:
            circle = ", ".join(name_of(step) for step in waiting)
            raise ImproperlyConfigured(f"steps of the {blueprint} blueprint require each other: {circle}")
        waiting.remove(following)
        order.append(following)
    return order


def _check(blueprint: str, step: object) -> None:
    if not (isinstance(step, type) and issubclass(step, Step)):
        raise ImproperlyConfigured(
            f"{step!r} is no step of the {blueprint} blueprint: must be a class of runtime.bootsteps.Step"
        )


def requirements(blueprint: str, steps: Sequence[AnyStep]) -> dict[AnyStep, set[AnyStep]]:
    """What each of the steps requires. Raises ImproperlyConfigured."""
    return {step: _required(blueprint, step, steps) for step in steps}


def _required(blueprint: str, step: AnyStep, steps: Sequence[AnyStep]) -> set[AnyStep]:
    by_name = {name_of(each): each for each in steps}
    required = set()
    for requirement in step.requires:
        found = by_name.get(requirement) if isinstance(requirement, str) else requirement
        if found not in steps or found is None:
            name = requirement if isinstance(requirement, str) else name_of(requirement)
            raise ImproperlyConfigured(
                f"step {name_of(step)} requires {name!r}, which is no step of the {blueprint} blueprint: "
                f"must be one of {', '.join(by_name)}"
            )
        required.add(found)
    return required
