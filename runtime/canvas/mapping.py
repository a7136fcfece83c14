"""One task over many arguments, in one message or in some: map, starmap and chunks (PROTOCOL 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

from runtime.canvas.compound import group
from runtime.canvas.signature import Signature


class xmap(Signature):
    """`[task(x) for x in it]`, in one go: `task.map(it)`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "xmap"
    task_name: ClassVar[str] = "celery.map"

    def __init__(self, task: Signature, it: Iterable[Any], **options: Any) -> None:
        kwargs = {"task": task.to_dict(), "it": list(it)}
        super().__init__(self.task_name, (), kwargs, options, immutable=True, sender=task._sender)


class xstarmap(xmap):
    """`[task(*x) for x in it]`, in one go: `task.starmap(it)`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "xstarmap"
    task_name: ClassVar[str] = "celery.starmap"


class chunks(Signature):
    """A starmap for each `n` of them, side by side: `task.chunks(it, n)`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "chunks"

    def __init__(self, task: Signature, it: Iterable[Any], n: int, **options: Any) -> None:
        kwargs = {"task": task.to_dict(), "it": list(it), "n": n}
        super().__init__("celery.chunks", (), kwargs, options, immutable=True, sender=task._sender)

    def group(self) -> group:
        """Of one starmap for each chunk."""
        task = Signature.from_dict(self.kwargs["task"], self._sender)
        rest = iter(self.kwargs["it"])
        return group(xstarmap(task, part) for part in iter(lambda: list(islice(rest, self.kwargs["n"])), []))

    def apply_async(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the group; returns its GroupResult."""
        return self.group().apply_async(args, kwargs, **options)

    def apply(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> Any:
        """Run the group here and now."""
        return self.group().apply(args, kwargs, throw=throw, **options)

    def __call__(self, **options: Any) -> Any:
        """Send it."""
        return self.apply_async(**options)
