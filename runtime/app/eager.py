"""Runs tasks here and now, in place of a worker: `apply()`, and everything with `task_always_eager`.

What would be sent is run by what a child runs it with, and what its report says is done at once: a retry is
run again, whatever its countdown, links and the next step of a chain follow, chords are joined in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from brokers import envelope
from runtime import clocks
from runtime.app.eager_chords import EagerChords
from runtime.errors import ImproperlyConfigured, NotRegistered
from runtime.execution import report
from runtime.execution.chords import is_join, join
from runtime.execution.follow_up import failing_with
from runtime.execution.report import Report
from runtime.execution.request import Request
from runtime.results import document, states
from runtime.results.document import PENDING, Document
from runtime.results.eager_result import EagerResult
from runtime.results.group_result import GroupResult
from runtime.results.result import Result

if TYPE_CHECKING:
    from brokers.interface import ChordSize, Push
    from runtime.app.app import App
    from runtime.app.task import Task
    from runtime.execution.run import Runner

Arguments = tuple[Sequence[Any], dict[str, Any]]


class Eager:
    """Of one app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.chords = EagerChords(app.results)

    def run(
        self,
        pushes: Sequence[Push],
        chords: Sequence[ChordSize],
        results: Sequence[Result],
        *,
        throw: bool | None = None,
        given: Arguments | None = None,
    ) -> list[Any]:
        """Run what is to be sent, and all that follows from it, one after the other. Returns the results to
        come as those that have.

        throw: raise what the first failed task has raised, once all have run (task_eager_propagates).
        given: the arguments of the only message, as they are. What is no Exception, such as
        KeyboardInterrupt, is raised at once. Raises NotRegistered for a task that is not in this app.
        """
        conf = self._app.conf
        ends = _Ends(self._app)
        self.chords.settle(chords)
        waiting = _each_once(pushes)
        runner = self._runner()
        while waiting:
            done = self._run(runner, waiting.pop(), given, ends)
            given = None
            if conf.task_store_eager_result:
                self._app.results.write(done.documents)
            follow_ups = [*done.pushes, *self.chords.settle(done.chords)]
            waiting += _each_once(follow_ups)
        if ends.first_error is not None and (conf.task_eager_propagates if throw is None else throw):
            raise ends.first_error
        return [ends.result(each.as_tuple()) for each in results]

    def _runner(self) -> Runner:
        from socket import gethostname

        from runtime.execution.run import Runner  # no client needs it that only sends

        return Runner(self._app, gethostname(), False, stores=self._app.conf.task_store_eager_result)

    def _run(self, runner: Runner, push: Push, given: Arguments | None, ends: _Ends) -> Report:
        read = runner.read(push.message)
        if isinstance(read, Report):
            raise _refused(push, read)
        task, request = read
        request.is_eager = True
        if given is not None:
            request.args, request.kwargs = given
        if is_join(request.message):
            done = join(self._app, request, 0.0, self.chords)
            ends.never_run(done)
            return done
        done, outcome = _call(task, lambda: runner.run(task, request))
        if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            raise outcome
        ends.add(request, done, outcome)
        return done


def _each_once(pushes: Sequence[Push]) -> list[Push]:
    """The last one first. A call that goes to several queues runs once here."""
    by_id = {envelope.parse(push.message).headers["id"]: push for push in reversed(pushes)}
    return list(by_id.values())


class _Ends:
    """How the tasks of one run have ended, by their ids."""

    def __init__(self, app: App) -> None:
        self._store = app.results
        self._known: dict[str, EagerResult] = {}
        self.first_error: Exception | None = None

    def add(self, request: Request, done: Report, outcome: Any) -> None:
        """What stands for a task may end later under its id: it counts."""
        value = outcome.exc or outcome if done.state == report.RETRY else outcome
        if done.state in (report.IGNORED, report.REJECTED):
            value = None
        self._add(request.message.id, done.state, value, done.traceback, request.children)
        if done.state == report.FAILURE:
            self.first_error = self.first_error or outcome
            for end in failing_with(request.chain):
                self._add(end.task_id, done.state, outcome, done.traceback)

    def never_run(self, joined: Report) -> None:
        """What waited for a chord that has failed."""
        for task_id, stored in joined.documents:
            found = document.decode(stored, self._store.conf.result_serializer)
            self._known[task_id] = EagerResult(task_id, found, self._store)

    def result(self, reference: Any) -> Result:
        """By a reference (PROTOCOL 10.5)."""
        line = [reference]
        while (parent := line[-1][0][1]) is not None:
            line.append(parent)
        found: Result | None = None
        for (result_id, _), members in reversed(line):
            if members is None:
                this = self._known.get(result_id) or EagerResult(result_id, PENDING, self._store)
                this.parent, found = found, this
            else:
                inside = [self.result(member) for member in members]
                found = GroupResult(result_id, inside, parent=found, store=self._store)
        assert found is not None
        return found

    def _add(
        self, task_id: str, state: str, value: Any, trace: str | None, children: Sequence[Result] = ()
    ) -> None:
        done = clocks.iso_now() if state in states.FINAL else None
        fields = {"task_id": task_id, "status": state, "result": value, "traceback": trace, "date_done": done}
        ended = Document(state, value, trace, (), done, fields)
        self._known[task_id] = EagerResult(task_id, ended, self._store, children=children)


def _refused(push: Push, told: Report) -> Exception:
    """What no child can run."""
    from brokers import envelope
    from runtime.protocol import task_message

    name = task_message.read(envelope.parse(push.message)).name
    if told.state == report.MALFORMED:
        return ImproperlyConfigured(f"task {name} cannot be run here: {told.text}")
    return NotRegistered(name)


def _call(task: Task, run: Callable[[], tuple[Report, Any]]) -> tuple[Report, Any]:
    """An `async def` task needs an event loop: where one runs already, as in an `async def` test, in another
    thread."""
    if not task.is_async or not _in_event_loop():
        return run()
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, run).result()


def _in_event_loop() -> bool:
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True
