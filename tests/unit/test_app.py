"""What an app and its tasks do without a server."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kombu
import pytest

from brokers import envelope
from brokers.interface import Push
from runtime import App, AsyncResult, MaxRetriesExceededError, Request, Retry, Task, chord, group, shared_task
from runtime.errors import AlreadyRegistered, ImproperlyConfigured
from runtime.execution import current
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import build, read, read_body

JSON = accepted_types(["json"])


@pytest.fixture
def app() -> App:
    return App("t", broker="redis://nowhere", backend="redis://nowhere")


def running(push: Push, task: Task) -> Request:
    """The request of a worker that runs this message."""
    found = envelope.parse(push.message)
    args, kwargs, embed = read_body(found, JSON)
    return Request.from_message(read(found), args, kwargs, embed, hostname="w@host")


def run(task: Task, request: Request) -> Any:
    token = current.push(task, request)
    try:
        return task.run(*request.args, **request.kwargs)
    finally:
        current.pop(token)


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "asyncio redis celery kombu billiard multiprocessing logging email http socket ssl pickle"
    code = f"import runtime, sys; print(*set('{heavy}'.split()) & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "\n"
    )


def test_names_are_module_and_function(app: App) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="other")
    def named() -> None: ...

    def in_script() -> None: ...

    in_script.__module__ = "__main__"
    assert add.name == f"{__name__}.add"
    assert app.task(in_script).name == "t.in_script"
    assert App(set_as_current=False).task(in_script).name == "__main__.in_script"
    assert app.tasks["other"] is named
    assert add(1, 2) == 3
    assert getattr(add, "__name__") == "add"  # noqa: B009  (mypy does not see it)


def test_a_name_belongs_to_one_function(app: App) -> None:
    @app.task(name="x")
    def one() -> None: ...

    assert app.task(name="x")(one.__wrapped__) is one  # type: ignore[attr-defined]
    with pytest.raises(AlreadyRegistered, match="task x is"):

        @app.task(name="x")
        def two() -> None: ...


def test_options_are_attributes_with_the_settings_behind(app: App) -> None:
    @app.task(acks_late=False, time_limit=5, queue=kombu.Queue("mine"))  # type: ignore[no-untyped-call]
    def own() -> None: ...

    @app.task
    def plain() -> None: ...

    app.conf.task_acks_late = True
    assert (own.acks_late, plain.acks_late) == (False, True)
    assert (own.time_limit, plain.time_limit) == (5, None)
    assert (own.queue, plain.queue) == ("mine", None)
    assert plain.max_deliveries == 3
    for wrong, reason in (
        ({"priority": 77}, r"task .*: priority must be a whole number from 0 to 9, or None; it is 77"),
        (
            {"max_retries": "x"},
            r"task .*: max_retries must be a whole number of at least 0, or None; it is 'x'",
        ),
        ({"default_retry_delay": "1"}, "default_retry_delay must be a number of seconds"),
        ({"autoretry_for": ("IOError",)}, "autoretry_for must be an exception class, or a tuple or list"),
        ({"acks_late": "yes"}, "acks_late must be True or False; it is 'yes'"),
        ({"rate_limit": "often"}, "rate_limit must be a number of tasks"),
        ({"time_limit": "60"}, "time_limit must be a number of seconds"),
        ({"serializer": "jsn"}, "serializer must be one of 'json', .* did you mean 'json'"),
        ({"expires": "soon"}, "expires must be a number of seconds .* or a datetime, or None; it is 'soon'"),
        ({"queue": ["a"]}, r"queue must be a name, or an object .*, or None; it is \['a'\]"),
        (
            {"time_limit": 5, "soft_time_limit": 9},
            r"task .*: soft_time_limit must not be longer .* it is 9 s",
        ),
    ):
        with pytest.raises(ImproperlyConfigured, match=reason):
            app.task(**wrong)(own.__wrapped__)  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured, match="no option 'ack_late'; did you mean 'acks_late'"):
        app.task(ack_late=True)(own.__wrapped__)  # type: ignore[attr-defined]


def test_a_base_class_sets_options_and_a_class_can_be_a_task(app: App) -> None:
    class Late(Task):
        acks_late = True
        autoretry_for = ValueError  # type: ignore[assignment]
        own = 3

    @app.task(base=Late, own=4)
    def one() -> None: ...

    class Whole(Late):
        def run(self, x: int) -> int:
            return x + self.request.retries

    whole = app.register_task(Whole)
    assert (one.acks_late, one.autoretry_for, one.own) == (True, (ValueError,), 4)  # type: ignore[attr-defined]
    Late.max_retries = "x"  # type: ignore[assignment]
    with pytest.raises(ImproperlyConfigured, match="max_retries must be a whole number"):
        app.task(base=Late, name="wrong")(one.__wrapped__)  # type: ignore[attr-defined]
    del Late.max_retries
    assert (whole(2), whole.name) == (2, f"{__name__}.Whole")


def test_arguments_are_checked_when_sent(app: App) -> None:
    @app.task(bind=True)
    def add(self: Task, x: int, y: int = 0, *, z: int = 0) -> None: ...

    @app.task(typing=False)
    def loose() -> None: ...

    @app.task
    def keyword(*, z: int) -> None: ...

    for args, kwargs in [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"w": 1})]:
        with pytest.raises(TypeError, match=r"add\(\) "):
            add.apply_async(args, kwargs)
    with pytest.raises(TypeError, match="missing a required"):
        keyword.delay()
    for args, kwargs in [((1,), {}), ((1, 2), {"z": 1}), ((), {"x": 1})]:
        add.check_arguments(args, kwargs)
    loose.check_arguments((1, 2), {})


def test_the_request_tells_about_the_message(app: App) -> None:
    @app.task(bind=True)
    def tell(self: Task) -> dict[str, Any]:
        names = "id root_id parent_id retries hostname delivery_info headers timelimit group shadow expires"
        return {name: getattr(self.request, name) for name in names.split()}

    expires = datetime(2030, 1, 1, tzinfo=UTC)
    push = build(
        tell.name,
        (),
        {},
        id="7",
        queue="q",
        priority=3,
        root_id="r",
        parent_id="p",
        group="g",
        shadow="s",
        retries=1,
        time_limit=5,
        expires=expires.timestamp(),
        headers={"own": 1},
    )
    info = {"exchange": "", "routing_key": "q", "priority": 3, "redelivered": False}
    assert run(tell, running(push, tell)) == {
        "id": "7",
        "root_id": "r",
        "parent_id": "p",
        "retries": 1,
        "hostname": "w@host",
        "delivery_info": info,
        "headers": {"own": 1},
        "timelimit": [5, None],
        "group": "g",
        "shadow": "s",
        "expires": expires.isoformat(),
    }


def test_a_task_called_like_a_function_has_a_request_of_its_own(app: App) -> None:
    seen: list[Any] = []

    @app.task(bind=True)
    def inner(self: Task) -> None:
        seen.append(
            (self.request.called_directly, self.request.id, app.current_task, current.worker_request())
        )

    @app.task(bind=True)
    def outer(self: Task) -> None:
        inner()
        seen.append((self.request.called_directly, self.request.id, app.current_task))

    request = running(build(outer.name, (), {}, id="7", queue="q"), outer)
    run(outer, request)
    assert seen == [(True, None, inner, request), (False, "7", outer)]
    assert app.current_task is None
    assert inner.request.called_directly


def test_each_thread_has_its_own_current_task(app: App) -> None:
    @app.task
    def one() -> None: ...

    found: list[Task | None] = []
    token = current.push(one, Request.called((), {}))
    thread = threading.Thread(target=lambda: found.append(current.task()))
    thread.start()
    thread.join()
    current.pop(token)
    assert found == [None]


def retried(task: Task, push: Push) -> Push:
    with pytest.raises(Retry) as caught:
        run(task, running(push, task))
    assert caught.value.push is not None
    return caught.value.push


def test_a_retry_keeps_everything(app: App) -> None:
    @app.task(bind=True, priority=1, queue="declared")
    def again(self: Task, x: int) -> None:
        raise self.retry(exc=ValueError("not yet"), countdown=60)

    following = {"task": "next", "options": {"task_id": "n"}}
    first = build(
        again.name,
        (1,),
        {},
        id="7",
        queue="q",
        priority=6,
        expires=2e9,
        retries=1,
        time_limit=9,
        soft_time_limit=8,
        root_id="r",
        parent_id=None,
        group="g",
        group_index=2,
        shadow="s",
        ignore_result=True,
        replaced_task_nesting=1,
        stamped_headers=["tenant"],
        stamps={"tenant": 4},
        callbacks=[following],
        errbacks=[following],
        chain=[following],
        chord=following,
        reply_to="me",
        origin="gen1@there",
        headers={"own": {"a": 1}},
        properties={"app_id": "a"},
        compression="gzip",
    )
    second = retried(again, first)
    assert (second.queue, second.priority) == ("q", 6)
    before, after = envelope.parse(first.message), envelope.parse(second.message)
    assert read_body(after, JSON) == read_body(before, JSON)
    changed = {name for name in before.headers if before.headers[name] != after.headers[name]}
    assert changed == {"retries", "eta", "parent_id"}
    assert before.headers.keys() == after.headers.keys()
    assert (after.headers["retries"], after.headers["parent_id"]) == (2, "7")
    eta = datetime.fromisoformat(after.headers["eta"])
    assert timedelta(seconds=55) < eta - datetime.now(UTC) < timedelta(seconds=61)
    for name in ("correlation_id", "reply_to", "priority", "app_id", "delivery_info"):
        assert after.properties[name] == before.properties[name]
    assert envelope.parse(retried_again(again, second).message).headers["parent_id"] == "7"


def retried_again(task: Task, push: Push) -> Push:
    """The limit is raised, or the third attempt would be the last."""
    task.max_retries = 5
    return retried(task, push)


def test_retries_come_to_an_end(app: App) -> None:
    @app.task(bind=True, max_retries=2)
    def again(self: Task, exc: bool) -> None:
        raise self.retry(exc=ValueError("cause") if exc else None)

    @app.task(bind=True, max_retries=None, default_retry_delay=5)
    def for_ever(self: Task) -> None:
        self.retry()

    last = build(again.name, (True,), {}, id="7", queue="q", retries=2)
    with pytest.raises(ValueError, match="cause"):
        run(again, running(last, again))
    last = build(again.name, (False,), {}, id="7", queue="q", retries=2)
    with pytest.raises(MaxRetriesExceededError, match=r"can't retry .*again\[7\]"):
        run(again, running(last, again))
    retried(for_ever, build(for_ever.name, (), {}, id="7", queue="q", retries=1000))


def test_called_like_a_function_a_retry_raises_the_cause(app: App) -> None:
    @app.task(bind=True)
    def again(self: Task, how: str) -> None:
        try:
            raise KeyError("handled")
        except KeyError as error:
            self.retry(exc=ValueError("given") if how == "given" else None)
            raise AssertionError from error

    with pytest.raises(ValueError, match="given"):
        again("given")
    with pytest.raises(KeyError, match="handled"):
        again("handled")


def test_a_retry_may_be_returned(app: App) -> None:
    @app.task(bind=True)
    def again(self: Task) -> Retry:
        return self.retry(throw=False, args=(5,), queue="other", countdown=0)

    found = run(again, running(build(again.name, (), {}, id="7", queue="q"), again))
    assert found.push.queue == "other"
    assert read_body(envelope.parse(found.push.message), JSON).args == [5]


@pytest.fixture
def _no_shared_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.app import shared

    monkeypatch.setattr(shared, "_tasks", [])


@pytest.mark.usefixtures("_no_shared_tasks")
def test_shared_tasks_are_in_every_app(app: App) -> None:
    @shared_task
    def before() -> str:
        return "called"

    later = App("later", set_as_current=False)

    @shared_task(name="shared.after", acks_late=True)
    def after() -> None: ...

    for each in (app, later):
        assert each.tasks[f"{__name__}.before"].app is each
        assert each.tasks["shared.after"].acks_late is True
    assert before() == "called"
    assert before.app is app
    later.set_current()
    assert after.app is later


def test_config_from_object(app: App) -> None:
    app.config_from_object({"task_default_queue": "q"})
    assert app.conf.task_default_queue == "q"
    with pytest.raises(ImproperlyConfigured):
        app.config_from_object({"no_such": 1})


def test_include_is_imported_by_load() -> None:
    App("t", include=["json"], set_as_current=False).load()
    for module, reason in (
        ("no_such_module", "include names 'no_such_module': there is no module 'no_such_module'$"),
        ("tests.unit.test_ap", "there is no module 'tests.unit.test_ap'; did you mean 'tests.unit.test_app'"),
        ("runtime.ap.app", "there is no module 'runtime.ap'; did you mean 'runtime.app'"),
    ):
        with pytest.raises(ImproperlyConfigured, match=reason):
            App("t", include=[module], set_as_current=False).load()


def test_results_may_be_disabled() -> None:
    app = App("t", result_backend=None, set_as_current=False)
    with pytest.raises(ImproperlyConfigured, match="results are disabled"):
        app.AsyncResult("7").get()
    with pytest.raises(ImproperlyConfigured, match="belongs to no app"):
        AsyncResult("7")


def test_annotations_change_what_tasks_declare() -> None:
    app = App("t", set_as_current=False)

    @app.task(name="early", rate_limit="1/s", queue="a")
    def early() -> None: ...

    assert early.declared["queue"] == "a"
    app.config_from_object(
        {"task_annotations": {"*": {"rate_limit": "10/s"}, "early": {"queue": "b"}, "late": {"priority": 3}}}
    )

    @app.task(name="late")
    def late() -> None: ...

    assert (early.rate_limit, early.declared["queue"]) == ("10/s", "b")
    assert (late.rate_limit, late.declared["priority"]) == ("10/s", 3)

    class Annotation:
        def annotate(self, task: Any) -> dict[str, Any] | None:
            return {"priority": 5} if task.name == "late" else None

    heard: list[Any] = []

    def on_failure(self: Any, error: BaseException, *more: Any) -> None:
        heard.append((self, str(error)))

    app.conf.task_annotations = [Annotation(), {"*": {"on_failure": on_failure}}]

    @app.task(name="fails")
    def fails() -> None:
        raise ValueError("told")

    app.load()
    assert (early.priority, late.priority) == (None, 5)
    fails.apply()
    assert heard == [(fails, "told")]
    app.conf.task_annotations = [{"late": {"priorty": 4}}]
    with pytest.raises(ImproperlyConfigured, match="task late: there is no option 'priorty'"):
        app.load()


def test_what_makes_no_sense_is_refused_at_once(app: App) -> None:
    add: Any = app.task(name="add")(lambda x, y: x + y)
    untyped: Any = "add"
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: add.apply_async("ab"), r"args must be a list or a tuple, not 'ab'; one argument is \(it,\)"),
        (lambda: add.apply_async(5), "args must be a list or a tuple, not 5"),
        (lambda: add.apply_async((1,), [2]), r"kwargs must be a dict, not \[2\]"),
        (lambda: add.apply_async((1, 2), task_id=5), "task_id must be a non-empty string, not 5"),
        (lambda: add.apply_async((1, 2), eta="tomorrow"), "eta is no time of ISO 8601: .*tomorrow"),
        (lambda: app.send_task(add), "a task's name must be a non-empty string, not <@task: add"),
        (lambda: app.send_many([add]), "a call must be a signature or a tuple .* not <@task: add"),
        (lambda: group([add, add]).delay(), r"as task.s\(…\) makes them, not <@task: add"),
        (lambda: chord([add.s(1, 2)])(add), r"as task.s\(…\) makes them, not <@task: add"),
        (lambda: app.AsyncResult(None), "a task's id must be a string, not None"),  # type: ignore[arg-type]
        (lambda: app.task("add"), "made of a function, not of 'add'; options go by their names"),  # type: ignore[call-overload]
        (lambda: app.task(functools.partial(print)), "has no name: give it one, name="),
        (lambda: app.add_periodic_task(5, untyped), "a periodic task is a task or its signature, not 'add'"),
        (lambda: app.config_from_object(None), "there is no configuration object: it is None"),
        (lambda: shared_task("add"), "made of a function, not of 'add'"),  # type: ignore[call-overload]
    ]
    for call, reason in wrong:
        with pytest.raises((TypeError, ValueError, ImproperlyConfigured), match=reason):
            call()
