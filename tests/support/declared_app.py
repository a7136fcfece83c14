"""Tasks that say more of themselves than a function, for workers under test."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from runtime import App, Task
from tests.support.app import note

app = App("tests")


class Noting(Task):
    """Notes each call of its handlers."""

    def before_start(self, task_id: str | None, args: Any, kwargs: Any) -> None:
        note(f"before_start {self.name} {args} {kwargs}")

    def on_success(self, retval: Any, task_id: str | None, args: Any, kwargs: Any) -> None:
        note(f"on_success {retval}")
        raise RuntimeError("harms nothing")

    def on_failure(self, exc: BaseException, task_id: str | None, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_failure {exc!r} {einfo.type.__name__} {'in fails' in einfo.traceback}")

    def on_retry(self, exc: BaseException, task_id: str | None, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_retry {exc!r} {self.request.retries}")

    def after_return(
        self, status: str, retval: Any, task_id: str | None, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        note(f"after_return {status} {retval!r} {einfo is None}")


@app.task(base=Noting)
def succeeds(x: int) -> int:
    return x + 1


@app.task(base=Noting)
async def succeeds_later(x: int) -> int:
    return x + 1


@app.task(
    base=Noting,
    bind=True,
    autoretry_for=(LookupError,),
    dont_autoretry_for=(IndexError,),
    retry_kwargs={"max_retries": 2, "countdown": 0.01},
)
def fails(self: Noting, kind: str) -> int:
    if kind == "flaky" and self.request.retries == 1:
        return self.request.retries
    raise IndexError(kind) if kind == "index" else KeyError(kind)


@app.task(bind=True, autoretry_for=(KeyError,), max_retries=1, retry_backoff=0.01, retry_jitter=False)
async def fails_later(self: Task) -> None:
    raise KeyError(self.request.retries)


class Order(BaseModel):
    number: int
    items: list[str] = []


@app.task(pydantic=True, bind=True)
def priced(self: Task, order: Order, rebate: Order | None = None, *, note: str = "") -> Order:
    assert isinstance(order, Order)
    return Order(number=order.number * 2, items=[*order.items, note])
