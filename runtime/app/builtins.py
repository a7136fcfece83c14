"""The tasks that every app has, because clients and work-flows refer to them by name (PROTOCOL 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any

from runtime.canvas.compound import chord, group
from runtime.canvas.mapping import chunks
from runtime.canvas.signature import Signature
from runtime.execution.replacing import ACCUMULATE
from runtime.results.result import Result

if TYPE_CHECKING:
    from runtime.app.app import App

Fields = Mapping[str, Any]
"""A signature on the wire."""


def register(app: App) -> None:
    def function_of(task: Fields) -> Any:
        return app.signature(task)

    # Late: messages that join chords, or ask for errbacks, come under this name, and must not get lost.
    @app.task(name=ACCUMULATE, acks_late=True)
    def accumulate(*args: Any, **kwargs: Any) -> Any:
        index = kwargs.get("index")
        return args if index is None else args[index]

    @app.task(name="celery.map")
    def xmap(task: Fields, it: Sequence[Any]) -> list[Any]:
        return list(map(function_of(task), it))

    @app.task(name="celery.starmap")
    def xstarmap(task: Fields, it: Sequence[Sequence[Any]]) -> list[Any]:
        return list(starmap(function_of(task), it))

    @app.task(name="celery.chunks")
    def in_chunks(task: Fields, it: Sequence[Any], n: int) -> Any:
        return chunks(app.signature(task), it, n).apply_async()

    @app.task(name="celery.chain")
    def chain(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a chain is no task of its own: its first step is sent")

    @app.task(name="celery.group")
    def side_by_side(
        tasks: Sequence[Fields], result: Any, group_id: str, partial_args: Sequence[Any], **_: Any
    ) -> Any:
        return group(*map(app.signature, tasks)).apply_async(partial_args, task_id=group_id)

    @app.task(name="celery.chord")
    def header_and_body(header: Any, body: Fields, partial_args: Sequence[Any] = (), **options: Any) -> Any:
        fields = {"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": header, "body": body}}
        whole = app.signature(fields)
        assert isinstance(whole, chord)
        return whole.apply_async(partial_args)

    @app.task(
        name="celery.chord_unlock", bind=True, max_retries=None, default_retry_delay=1, ignore_result=True
    )
    def unlock(self: Any, group_id: str, callback: Fields, result: Sequence[Any] = (), **_: Any) -> None:
        """Only other result stores than Redis send it."""
        results = [Result.read(each, app.results) for each in result]
        if not all(each.ready() for each in results):
            raise self.retry()
        values = app.GroupResult(group_id, results).join()
        Signature.from_dict(callback, app.sender).delay(values)

    @app.task(name="celery.backend_cleanup")
    def backend_cleanup() -> None:
        """Redis does it by itself."""
