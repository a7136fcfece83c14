"""`async def` tasks, in a child with an event loop and in one without."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import orjson
import pytest

from runtime import App, Ignore, Reject, Task
from runtime.execution import report
from runtime.execution.report import Report
from runtime.execution.run import Runner

app = App("t", broker="redis://nowhere", backend="redis://nowhere", set_as_current=False)
app.conf.result_extended = True
outer = contextvars.ContextVar("outer", default="default")


@app.task
async def add(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@app.task
async def fail() -> NoReturn:
    await asyncio.sleep(0)
    raise LookupError("lost", 3)


@app.task
async def end(how: str) -> NoReturn:
    await asyncio.sleep(0)
    raise {"ignore": Ignore(), "reject": Reject("no", requeue=True), "exit": SystemExit(3)}[how]


@app.task(bind=True, max_retries=1)
async def again(self: Task) -> NoReturn:
    await asyncio.sleep(0)
    raise self.retry(countdown=9, exc=ValueError("not yet"))


@app.task(bind=True)
async def whoami(self: Task) -> list[str | None]:
    """By the coroutine, a task that it creates, and a thread."""

    async def inner() -> str | None:
        await asyncio.sleep(0)
        return self.request.id

    current = app.current_task
    return [
        self.request.id,
        await asyncio.create_task(inner()),
        await asyncio.to_thread(lambda: self.request.id),
        None if current is None else current.name,
    ]


@app.task(bind=True)
def plain_whoami(self: Task) -> list[Any]:
    current = app.current_task
    return [self.request.id, None if current is None else current.name, threading.get_ident()]


@app.task
def stop_iterating() -> NoReturn:
    raise StopIteration(4)


@app.task(bind=True)
async def call(self: Task) -> list[Any]:
    """Others, and itself, like functions."""
    if self.request.called_directly:
        return [self.request.id]
    return [await add(1, 2), *(await self()), self.request.id]


@app.task
async def change_context() -> str:
    before = outer.get()
    outer.set("changed")
    return before


@app.task
async def loop_id() -> int:
    return id(asyncio.get_running_loop())


closed: list[str] = []


@app.task
async def leave_generator(name: str) -> int:
    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(9):
                yield number
        finally:
            await asyncio.sleep(0)
            closed.append(name)

    async for number in numbers():
        if name == "exit":
            sys.exit(number)
        return number
    return -1


def call_it(runner: Runner, payload: bytes) -> bytes:
    return runner(memoryview(payload))


def await_it(runner: Runner, payload: bytes) -> bytes:
    return asyncio.run(runner.coroutine(payload))


Way = Callable[[Runner, bytes], bytes]
both_ways = pytest.mark.parametrize("way", [call_it, await_it])


def run(way: Way, task: Task, *args: object, **options: Any) -> Report:
    push = app.messages(task.s(*args).set(**options), task_id="id-1").pushes[0]
    return report.decode(way(Runner(app, "w@host", False), push.message))


def result(way: Way, task: Task, *args: object) -> Any:
    ended = run(way, task, *args)
    assert ended.state == report.SUCCESS, ended
    ((task_id, document),) = ended.documents
    assert task_id == "id-1"
    return orjson.loads(document)["result"]


@both_ways
def test_results(way: Way) -> None:
    (document,) = run(way, add, 2, 3).documents
    stored = orjson.loads(document[1])
    assert (stored["status"], stored["result"]) == ("SUCCESS", 5)
    assert (stored["name"], stored["args"], stored["worker"]) == (add.name, [2, 3], "w@host")


@both_ways
def test_a_failure_begins_in_the_users_code(way: Way) -> None:
    ended = run(way, fail)
    assert ended.state == report.FAILURE
    assert ended.text == "LookupError('lost', 3)"
    assert ended.traceback is not None
    head, frame, *_ = ended.traceback.splitlines()
    assert head.startswith("Traceback")
    assert frame.endswith("in fail")
    assert "runtime/execution" not in ended.traceback


@both_ways
def test_follow_ups(way: Way) -> None:
    succeeded = run(way, add, 1, 1, link=[add.s(1)])
    assert len(succeeded.pushes) == 1
    failed = run(way, fail, link_error=[add.s(1)])
    assert len(failed.pushes) == 1


@both_ways
def test_predicates(way: Way) -> None:
    assert run(way, end, "ignore").state == report.IGNORED
    rejected = run(way, end, "reject")
    assert (rejected.state, rejected.requeue) == (report.REJECTED, True)
    left = run(way, end, "exit")
    assert (left.state, left.text) == (report.FAILURE, "SystemExit(3)")
    assert result(way, add, 1, 1) == 2


@both_ways
def test_retries(way: Way) -> None:
    ended = run(way, again)
    assert ended.state == report.RETRY
    assert len(ended.pushes) == 1
    assert orjson.loads(ended.documents[0][1])["result"]["exc_message"] == ["not yet"]
    assert run(way, again, retries=1).state == report.FAILURE


@both_ways
def test_the_request_is_the_coroutines_and_that_of_all_it_starts(way: Way) -> None:
    assert result(way, whoami) == ["id-1", "id-1", "id-1", whoami.name]


@both_ways
def test_a_plain_function_knows_its_request_too(way: Way) -> None:
    task_id, name, thread = result(way, plain_whoami)
    assert (task_id, name) == ("id-1", plain_whoami.name)
    assert (thread == threading.get_ident()) is (way is call_it)


@both_ways
def test_a_plain_function_may_raise_what_no_future_takes(way: Way) -> None:
    assert run(way, stop_iterating).text == "StopIteration(4)"


@both_ways
def test_called_like_functions_they_are_awaited_and_have_no_request(way: Way) -> None:
    assert result(way, call) == [3, None, "id-1"]


@both_ways
def test_no_context_leaks_from_one_to_the_next(way: Way) -> None:
    assert [result(way, change_context) for _ in range(2)] == ["default", "default"]


def test_one_after_the_other_in_one_loop() -> None:
    assert result(call_it, loop_id) == result(call_it, loop_id)


def test_generators_left_behind_are_closed() -> None:
    assert [result(call_it, leave_generator, name) for name in "ab"] == [0, 0]
    assert closed == ["a", "b"]
    assert run(call_it, leave_generator, "exit").text == "SystemExit(0)"
    assert result(call_it, leave_generator, "c") == 0
    assert closed[-1] == "c"


def test_many_run_at_once_in_the_childs_loop() -> None:
    together = asyncio.Barrier(20)

    @app.task(name="meet")
    async def meet() -> None:
        await together.wait()

    async def all_of_them() -> list[bytes]:
        runner = Runner(app, "w@host", False)
        message = app.messages(meet.s()).pushes[0].message
        return await asyncio.gather(*(runner.coroutine(message) for _ in range(20)))

    assert {report.decode(end).state for end in asyncio.run(all_of_them())} == {report.SUCCESS}
    del app.tasks["meet"]


def test_a_malformed_message_is_reported_either_way() -> None:
    message = app.messages(add.s(1, 1)).pushes[0].message.replace(b'"body":"', b'"body":"!')
    for way in (call_it, await_it):
        assert report.decode(way(Runner(app, "w@host", False), message)).state == report.MALFORMED


def test_called_directly_it_is_a_coroutine() -> None:
    assert asyncio.run(add(2, 2)) == 4
    assert asyncio.run(add.run(2, 3)) == 5


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import asyncio, gevent
from tests.unit.test_async_tasks import app, add, fail, call_it, end, result, run, whoami

@app.task(name="nap")
async def nap():
    await asyncio.sleep(0.3)

ends = [gevent.spawn(run, call_it, nap) for _ in range(50)]
with gevent.Timeout(5):
    gevent.joinall(ends, raise_error=True)
print(*{each.value.state for each in ends}, result(call_it, whoami), run(call_it, fail).text)
async def wait_here():
    await asyncio.sleep(0.2)
    return "own loop"

other = gevent.spawn(run, call_it, nap)
gevent.sleep(0.1)
print(asyncio.run(wait_here()), other.get().state)
print(run(call_it, end, "exit").text, result(call_it, add, 1, 1))

@app.task(name="wait")
async def wait():
    try:
        await asyncio.sleep(60)
    except TimeoutError as error:
        return str(error)

waiting = gevent.spawn(result, call_it, wait)
gevent.sleep(0.1)
waiting.kill(TimeoutError("limit"), block=False)
print(waiting.get(timeout=5))
"""


def test_greenlets_share_a_loop() -> None:
    """In a process of its own, for it is patched."""
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.splitlines() == [
        "SUCCESS ['id-1', 'id-1', 'id-1', 'tests.unit.test_async_tasks.whoami'] LookupError('lost', 3)",
        "own loop SUCCESS",
        "SystemExit(3) 2",
        "limit",
    ], done.stderr
