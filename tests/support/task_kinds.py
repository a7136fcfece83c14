"""Tasks that declare, raise and tell all sorts of things, the same for our apps and Celery's: `kinds.…`."""

from __future__ import annotations

import time
from typing import Any, NoReturn

from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import BaseModel

from tests.support.canvas_tasks import note


class Noting:
    """Notes what is called of a task."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        note(f"before_start {args} {kwargs}")

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        note(f"on_success {retval}")

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_failure {exc!r}")

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_retry {exc!r}")

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        note(f"after_return {status} {retval!r}")


def hooked(self: Any, how: str) -> str:
    if how == "fail":
        raise KeyError("as told")
    if how == "retry" and not self.request.retries:
        raise self.retry(countdown=0)
    return how


def automatic(kind: str) -> NoReturn:
    note("automatic")
    raise FileNotFoundError(kind) if kind == "not again" else OSError(kind)


def again(self: Any, **options: Any) -> NoReturn:
    note(f"again {self.request.retries}")
    error = {"exc": LookupError("own")} if options.pop("own", False) else {}
    raise self.retry(countdown=0, **error, **options)


def silent(how: str) -> str:
    if how == "fail":
        raise ValueError("told all the same")
    note(f"silent {how}")
    return how


def slow(self: Any, seconds: float) -> str:
    self.update_state(state="OWN", meta={"step": 1})
    time.sleep(seconds)
    return "slow"


def tracked(seconds: float) -> str:
    time.sleep(seconds)
    return "tracked"


def tidy() -> str:
    try:
        time.sleep(10)
    except SoftTimeLimitExceeded:
        return "tidied"
    return "never"


def same(value: Any) -> Any:
    return value


def about(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    request = self.request
    names = (
        "id",
        "args",
        "kwargs",
        "retries",
        "hostname",
        "is_eager",
        "called_directly",
        "shadow",
        "timelimit",
    )
    return {
        "headers": {name: value for name, value in (request.headers or {}).items() if name == "own"},
        "priority": request.delivery_info["priority"],
        **{name: getattr(request, name) for name in names},
    }


class Order(BaseModel):
    number: int
    items: list[str] = []


def priced(order: Order) -> Order:
    return Order(number=2 * order.number, items=order.items)


def register(app: Any, task: type, errors: Any) -> None:
    """task: the app's Task class. errors: a module with its Ignore and Reject."""

    def leave(how: str) -> NoReturn:
        raise errors.Ignore if how == "ignore" else errors.Reject("not me", requeue=False)

    base: Any = type("Base", (Noting, task), {"abstract": True})
    for function, options in (
        (hooked, {"base": base, "bind": True}),
        (
            automatic,
            {
                "autoretry_for": (OSError,),
                "dont_autoretry_for": (FileNotFoundError,),
                "max_retries": 2,
                "default_retry_delay": 0,
            },
        ),
        (again, {"bind": True, "max_retries": 1}),
        (silent, {"ignore_result": True, "store_errors_even_if_ignored": True}),
        (slow, {"bind": True}),
        (tracked, {"track_started": True}),
        (tidy, {"soft_time_limit": 1}),
        (same, {}),
        (about, {"bind": True}),
        (priced, {"pydantic": True}),
        (leave, {"acks_late": True}),
    ):
        app.task(name=f"kinds.{function.__name__}", **options)(function)
    app.conf.result_extended = True
