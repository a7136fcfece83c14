"""The tasks of which the tests make work-flows, the same for our apps and Celery's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn


def note(line: str) -> None:
    """One line into the file of effects."""
    with open(os.environ["EFFECTS"], "a") as file:
        file.write(f"{line}\n")


def add(x: int, y: int = 0) -> int:
    return x + y


def mul(x: int, y: int) -> int:
    return x * y


def total(numbers: Any) -> int:
    """Of nested ones too."""
    return sum(map(total, numbers)) if isinstance(numbers, list | tuple) else numbers


def same(value: Any) -> Any:
    return value


def no_argument() -> str:
    return "called"


def broken(*args: Any) -> NoReturn:
    raise ValueError("broken")


def hang() -> None:
    time.sleep(60)


def failed_id(task_id: str) -> None:
    """An errback that is sent."""
    note(f"failed {task_id}")


def failed_how(request: Any, error: BaseException, trace: str) -> None:
    """An errback that is called in place."""
    note(f"failed {request.id} {type(error).__name__} {os.getpid() > 0}")


def about(self: Any, *args: Any) -> dict[str, Any]:
    request = self.request
    names = ("id", "root_id", "parent_id", "group", "stamps")
    return {name: getattr(request, name) for name in names}


def instead(self: Any, how: str, x: int) -> Any:
    """Is replaced."""
    one = self.app.signature("canvas.add", (1, x))
    more = self.app.signature("canvas.add", (10,))
    if how == "chain":
        return self.replace(one | more)
    if how == "group":
        return self.replace(_group_of(self)(one, one))
    return self.replace(one)


def again(self: Any, x: int, times: int = 1) -> int:
    """Returns x after so many retries."""
    note(f"try {self.request.retries}")
    if self.request.retries < times:
        raise self.retry(countdown=0)
    return x


def part(self: Any, x: int) -> int:
    """Notes whose worker runs it."""
    note(f"part {_package_of(self)}")
    time.sleep(0.01)
    return x


def body(results: list[int], name: str) -> int:
    note(f"body {name}")
    return total(results)


def grow(self: Any, x: int) -> int:
    self.add_to_chord(self.app.signature("canvas.add", (x, 100)))
    return x


def _group_of(task: Any) -> Any:
    return import_module(_package_of(task)).group


def _package_of(task: Any) -> str:
    return "runtime" if type(task.app).__module__.startswith("runtime.") else "celery"


FUNCTIONS: tuple[Callable[..., Any], ...] = (
    add,
    mul,
    total,
    same,
    no_argument,
    broken,
    hang,
    failed_id,
    failed_how,
    body,
)
BOUND: tuple[Callable[..., Any], ...] = (about, instead, again, part, grow)


def register(app: Any) -> None:
    """Under the names `canvas.…`."""
    for function in FUNCTIONS:
        app.task(name=f"canvas.{function.__name__}")(function)
    for function in BOUND:
        app.task(name=f"canvas.{function.__name__}", bind=True)(function)
