"""Tasks that run here and now: `apply()` and `task_always_eager`; as Celery's do where it does the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import celery
import pytest

import runtime
from runtime import App, Ignore, Signature, Task, chain, chord, group, hooks
from runtime.errors import ChordError, NotRegistered, TaskRevokedError
from runtime.results.eager_result import EagerResult

Calls = list[Any]


@pytest.fixture
def app() -> App:
    """Its broker cannot be reached."""
    nowhere = "redis://127.0.0.1:1/0"
    return App("t", broker=nowhere, backend=nowhere, task_always_eager=True, set_as_current=False)


# mypy: disable-error-code="untyped-decorator"


def declare(app: Any, calls: Calls, **options: Any) -> SimpleNamespace:
    """The same tasks in an app of either kind."""

    @app.task(name="add", **options)
    def add(x: Any, y: Any) -> Any:
        return x + y

    @app.task(name="total", **options)
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="fail", **options)
    def fail(*args: Any) -> None:
        raise ValueError(*args)

    @app.task(name="note", **options)
    def note(*args: Any) -> None:
        calls.append(args)

    @app.task(name="noted", **options)
    def noted(request: Any, error: BaseException, trace: str) -> None:
        calls.append((request.id, repr(error)))

    @app.task(name="flaky", bind=True, max_retries=3, default_retry_delay=600, **options)
    def flaky(self: Any, fails: int) -> tuple[int, bool]:
        calls.append(self.request.retries)
        if self.request.retries < fails:
            raise self.retry(exc=ValueError("flaky"))
        return self.request.retries, self.request.is_eager

    @app.task(name="waits", **options)
    def waits(how: str) -> Any:
        sent = add.apply((1, 2)) if how == "apply" else add.delay(1, 2)
        return sent.get(disable_sync_subtasks=how != "sure")

    @app.task(name="auto", autoretry_for=(KeyError,), max_retries=2, retry_backoff=600, **options)
    def auto() -> None:
        calls.append("auto")
        raise KeyError("k")

    return SimpleNamespace(
        **{name: value for name, value in locals().items() if name not in ("app", "calls")}
    )


def both(scenario: Callable[[SimpleNamespace, Any], Any], app: App) -> tuple[Any, Any]:
    """What it returns and what was noted, for our app and for Celery's."""
    theirs = celery.Celery(
        "t", broker="memory://", backend="cache+memory://", task_always_eager=True, set_as_current=False
    )
    our_calls: Calls = []
    their_calls: Calls = []
    return (
        (scenario(declare(app, our_calls), runtime), our_calls),
        (scenario(declare(theirs, their_calls, shared=False), celery), their_calls),
    )


def ended(result: Any) -> Any:
    return result.state, repr(result.result)


SCENARIOS: dict[str, Callable[[SimpleNamespace, Any], Any]] = {
    "success": lambda t, c: ended(t.add.delay(1, 2)),
    "apply": lambda t, c: ended(t.add.apply((1,), {"y": 2})),
    "own id": lambda t, c: t.add.apply_async((1, 2), task_id="mine").id,
    "objects are passed to apply as they are": lambda t, c: ended(t.add.apply(((1,), (2,)))),
    "failure": lambda t, c: ended(t.fail.delay("no")),
    "wrong arguments of apply": lambda t, c: t.add.apply((1,)).state,
    "retries without waiting": lambda t, c: t.flaky.delay(2).get(),
    "too many retries": lambda t, c: ended(t.flaky.delay(9)),
    "waiting in a task": lambda t, c: t.waits.delay("delay").state,
    "waiting in a task for what was applied": lambda t, c: t.waits.delay("apply").state,
    "waiting in a task on purpose": lambda t, c: t.waits.delay("sure").get(),
    "waiting in a task that is applied": lambda t, c: t.waits.apply(("delay",)).get(),
    "retried by itself": lambda t, c: ended(t.auto.delay()),
    "link": lambda t, c: t.add.apply_async((1, 2), link=[t.note.s("x"), t.note.si("y")]).get(),
    "errback": lambda t, c: t.fail.apply_async(("no",), task_id="i", link_error=t.noted.s()).state,
    "immutable errback": lambda t, c: t.fail.apply_async((), task_id="i", link_error=t.note.si("x")).state,
    "chain": lambda t, c: (t.add.s(1, 2) | t.add.s(3) | t.add.s(4)).delay().get(),
    "chain, applied": lambda t, c: c.chain(t.add.s(1), t.add.s(3)).apply((5,)).get(),
    "chain's parent": lambda t, c: (t.add.s(1, 2) | t.add.s(3)).delay().parent.get(),
    "group": lambda t, c: c.group(t.add.s(n) for n in range(3)).apply((10,)).get(),
    "group, sent": lambda t, c: c.group(t.add.s(n, n) for n in range(3)).delay().join(),
    "chord": lambda t, c: c.chord((t.add.s(n, n) for n in range(3)), t.total.s()).delay().get(),
    "chord, applied": lambda t, c: c.chord([t.add.s(1, 1)], t.total.s()).apply().get(),
    "group in a chain": lambda t, c: (
        c.group(t.add.s(n, n) for n in range(3)) | t.total.s() | t.add.s(1)
    ).delay().get(),
    "map": lambda t, c: t.total.map([[1], [2, 3]]).delay().get(),
    "chunks": lambda t, c: t.add.chunks([(1, 2), (3, 4), (5, 6)], 2).group().apply().get(),
    "get without propagate": lambda t, c: repr(t.fail.delay("no").get(propagate=False)),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_as_celery_does(name: str, app: App) -> None:
    ours, theirs = both(SCENARIOS[name], app)
    assert ours == theirs


def test_what_a_task_sends_is_its_child(app: App) -> None:
    @app.task(bind=True)
    def child(self: Task) -> list[Any]:
        return [self.request.root_id, self.request.parent_id]

    @app.task
    def parent() -> Any:
        return child.delay().get(disable_sync_subtasks=False)

    result = parent.delay()
    assert result.get() == [result.id, result.id]
    assert [value for _, value in result.collect()] == [result.get()] * 2


def test_exceptions_are_raised_as_they_are(app: App) -> None:
    tasks = declare(app, [])
    result = tasks.fail.apply(("no",))
    with pytest.raises(ValueError, match=r"^no$") as caught:
        result.get()
    assert caught.value is result.result
    assert "raise ValueError" in result.traceback
    with pytest.raises(ValueError, match=r"^no$"):
        tasks.fail.apply(("no",), throw=True)
    app.conf.task_eager_propagates = True
    for send in (tasks.fail.delay, tasks.fail.s().delay, chain(tasks.fail.s(), tasks.add.s(1)).delay):
        with pytest.raises(ValueError, match=r"^no$"):
            send("no")
    assert tasks.fail.apply(("no",), throw=False).failed()


def test_what_is_no_exception_ends_the_caller(app: App) -> None:
    @app.task
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted.delay()


def test_what_waits_for_a_failed_task_fails_with_it(app: App) -> None:
    tasks = declare(app, [])
    assert ended(chain(tasks.fail.si("no"), tasks.add.s(1), tasks.add.s(2)).delay()) == (
        "FAILURE",
        "ValueError('no')",
    )
    failed = chord([tasks.add.s(1, 1), tasks.fail.si("no")], tasks.total.s()).delay()
    with pytest.raises(ChordError, match="ValueError"):
        failed.get()
    assert [each.state for each in failed.parent] == ["SUCCESS", "FAILURE"]


def test_tasks_that_replace_themselves_or_add_to_their_chord(app: App) -> None:
    tasks = declare(app, [])

    @app.task(bind=True)
    def replaced(self: Task, n: int) -> Any:
        return self.replace(tasks.add.s(n, n) if n < 5 else group(tasks.add.s(n, 1), tasks.add.s(n, 2)))

    @app.task(bind=True)
    def extending(self: Task) -> int:
        self.add_to_chord(tasks.add.si(10, 10))
        return 1

    assert replaced.delay(2).get() == 4
    assert replaced.delay(5).get() == [6, 7]
    assert (replaced.s(2) | tasks.add.s(1)).delay().get() == 5
    assert chord([extending.s(), tasks.add.s(1, 1)], tasks.total.s()).delay().get() == 23
    assert chord([extending.s()], tasks.total.s()).apply().get() == 21


def test_handlers_and_hooks_are_called(app: App) -> None:
    calls: Calls = []

    class Telling(Task):
        def before_start(self, *args: Any) -> None:
            calls.append("before_start")

        def on_success(self, retval: Any, *args: Any) -> None:
            calls.append(("on_success", retval))

        def after_return(self, status: str, *args: Any) -> None:
            calls.append(("after_return", status))

    @app.task(base=Telling)
    def told() -> int:
        return 7

    @hooks.task_prerun.connect(sender=told)
    def prerun(**given: Any) -> None:
        calls.append("task_prerun")

    try:
        told.delay()
    finally:
        hooks.task_prerun.disconnect(prerun)
    assert calls == ["task_prerun", "before_start", ("on_success", 7), ("after_return", "SUCCESS")]


def test_async_tasks_run_with_and_without_a_loop(app: App) -> None:
    @app.task
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    async def inside() -> list[Any]:
        return [double.delay(2).get(), await (await double.adelay(3)), await double.s(4).apply()]

    assert double.delay(1).get() == 2
    assert asyncio.run(inside()) == [4, 6, 8]


def test_every_way_to_send_runs_here(app: App) -> None:
    tasks = declare(app, [])
    sent = [
        *app.send_many([(tasks.add, (1, 2), {}), tasks.add.s(3, 4)]),
        app.send_task("add", (5, 6)),
        app.signature("add", (7, 8)).delay(),
    ]
    assert [result.get() for result in sent] == [3, 7, 11, 15]
    assert all(isinstance(result, EagerResult) for result in sent)
    for unknown in (lambda: app.send_task("nobody"), lambda: Signature("nobody", sender=app.sender).apply()):
        with pytest.raises(NotRegistered):
            unknown()


def test_ends_that_are_no_result_and_states_of_its_own(app: App) -> None:
    @app.task(bind=True)
    def ignored(self: Task) -> None:
        self.update_state(state="PROGRESS", meta={"done": 1})  # nobody could read it
        raise Ignore

    result = ignored.delay()
    assert (result.state, result.get(), result.ready()) == ("IGNORED", None, True)
    result.revoke()
    with pytest.raises(TaskRevokedError):
        result.get()
