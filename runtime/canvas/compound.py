"""Compound signatures: chain, group and chord (PROTOCOL 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from runtime.canvas.signature import Sender, Signature, listed_signatures

Tasks = Signature | Iterable[Signature]


class Compound(Signature):
    """Made of other signatures, which its keyword arguments are."""

    __slots__ = ()

    def merged(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.args if self.immutable else (*args, *self.args)), self.kwargs


class Several(Compound):
    """A chain or a group."""

    __slots__ = ()

    @property
    def tasks(self) -> list[Signature]:
        found: list[Signature] = self.kwargs["tasks"]
        return found

    def members(self) -> Sequence[Signature]:
        return self.tasks

    @classmethod
    def _read(cls, kwargs: Mapping[str, Any], sender: Sender | None) -> Mapping[str, Any]:
        return {**kwargs, "tasks": _read_all("tasks", kwargs.get("tasks"), sender)}

    def clone(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Self:
        copy = super().clone(args, kwargs, **options)
        copy.kwargs["tasks"] = [task.clone() for task in self.tasks]
        return copy

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Send it."""
        return self.apply_async(args, kwargs)

    def __len__(self) -> int:
        return len(self.tasks)

    def __bool__(self) -> bool:
        return True


class chain(Several):
    """One after the other, each with the result of the one before it: `chain(a, b)`, or `a | b`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "chain"

    def __init__(self, *tasks: Tasks, **options: Any) -> None:
        super().__init__("celery.chain", (), {"tasks": _listed(tasks)}, options)

    @classmethod
    def joined(cls, left: Signature, right: Signature) -> Signature:
        if isinstance(right, group) and not right.tasks:
            return left
        if isinstance(left, group):
            return chord(left, right)
        if isinstance(left, chord) and not isinstance(right, Compound):
            return chord(left.header, left.body | right, **left.options)
        return chain(*steps(left), *steps(right))

    def apply_async(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """An empty one sends nothing, and returns None, as Celery's."""
        return super().apply_async(args, kwargs, **options) if self.tasks else None

    def apply(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> Any:
        """The same."""
        return super().apply(args, kwargs, throw=throw, **options) if self.tasks else None

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.tasks)) or "chain()"


class group(Several):
    """Side by side, all with the same partial arguments: `group(a, b)`, `group(add.s(n, n) for n in ns)`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "group"

    def __init__(self, *tasks: Tasks, **options: Any) -> None:
        super().__init__("celery.group", (), {"tasks": _listed(tasks)}, options)

    def link(self, callback: Signature) -> Signature:
        """To its first member, without the result, as Celery does: for a callback of all, make a chord."""
        return self.tasks[0].link(callback.clone().set(immutable=True))

    def link_error(self, errback: Signature) -> Signature:
        """To every member."""
        for task in self.tasks:
            task.link_error(errback.clone())
        return errback

    def set_immutable(self, immutable: bool) -> None:
        for task in self.tasks:
            task.set_immutable(immutable)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> Self:
        """Count them down one after the other: the first in `start` seconds, each next `step` later, up to
        `stop`, and all others then."""
        for number, task in enumerate(self.tasks):
            countdown = start + number * step
            task.set(countdown=countdown if stop is None else min(countdown, stop))
        return self

    def __repr__(self) -> str:
        return f"group({', '.join(map(repr, self.tasks))})"


class chord(Compound):
    """A group, the header, and what is called with the list of its results, the body: `chord(header, body)`,
    `chord(header)(body)`."""

    __slots__ = ()
    subtask_type: ClassVar[str | None] = "chord"

    def __init__(self, header: Tasks, body: Signature | None = None, **options: Any) -> None:
        header = header if isinstance(header, group) else group(header)
        super().__init__("celery.chord", (), {"header": header, "body": body, "kwargs": {}}, options)

    @property
    def header(self) -> group:
        found: group = self.kwargs["header"]
        return found

    @property
    def tasks(self) -> list[Signature]:
        return self.header.tasks

    @property
    def body(self) -> Signature:
        """Raises ValueError if it has none yet."""
        found: Signature | None = self.kwargs.get("body")
        if found is None:
            raise ValueError("a chord needs a body: chord(header, body), or chord(header)(body)")
        return found

    @body.setter
    def body(self, body: Signature) -> None:
        self.kwargs["body"] = body

    def members(self) -> Sequence[Signature]:
        body = self.kwargs.get("body")
        return self.tasks if body is None else [*self.tasks, body]

    @classmethod
    def _read(cls, kwargs: Mapping[str, Any], sender: Sender | None) -> Mapping[str, Any]:
        header, body = kwargs.get("header"), kwargs.get("body")
        if isinstance(header, Mapping):
            read: Signature = Signature.from_dict(header, sender)
            header = read if isinstance(read, group) else group(read)
        else:
            header = group(*_read_all("header", header, sender))
        body = None if body is None else Signature.from_dict(body, sender)
        return {**kwargs, "header": header, "body": body}

    def clone(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Self:
        copy = super().clone(args, kwargs, **options)
        copy.kwargs["header"] = self.header.clone()
        if (body := (kwargs or {}).get("body") or self.kwargs.get("body")) is not None:
            copy.kwargs["body"] = body.clone()
        return copy

    def link(self, callback: Signature) -> Signature:
        """To the body."""
        return self.body.link(callback)

    def link_error(self, errback: Signature) -> Signature:
        """To the body, which fails when a task of the header does; and, with the setting
        `task_allow_error_cb_on_chord_header`, to each task of the header; to a chord there as a
        whole."""
        sender = self.known_sender()
        to_all = sender is not None and sender.links_errors_to_headers()
        for task in self.tasks:
            if isinstance(task, chord):
                task.link_error(errback)
            elif to_all:
                task.link_error(errback.clone().set(immutable=True))
        return self.body.link_error(errback)

    def set_immutable(self, immutable: bool) -> None:
        """The header."""
        self.header.set_immutable(immutable)

    def __call__(self, body: Signature | None = None, **options: Any) -> Any:
        """Send it, with this body if it has none."""
        return self.apply_async((), {} if body is None else {"body": Signature.from_dict(body)}, **options)

    def __repr__(self) -> str:
        return f"chord({self.header!r}, {self.kwargs.get('body')!r})"


def steps(signature: Signature) -> list[Signature]:
    """Of a chain, its members, nested ones too, with what is linked to the chain as a whole; else itself."""
    if not isinstance(signature, chain):
        return [signature]
    found = [step.clone() for task in signature.tasks for step in steps(task)]
    for callback in listed_signatures(signature.options.get("link")) if found else ():
        found[-1].link(Signature.from_dict(callback))
    for errback in listed_signatures(signature.options.get("link_error")):
        for step in found:
            step.link_error(Signature.from_dict(errback))
    return found


def _listed(tasks: Sequence[Tasks]) -> list[Signature]:
    if len(tasks) == 1 and isinstance(tasks[0], Iterable) and not isinstance(tasks[0], Signature | Mapping):
        return [Signature.from_dict(task) for task in tasks[0]]
    if len(tasks) == 1 and isinstance(tasks[0], group):
        return list(tasks[0].tasks)
    return [Signature.from_dict(task) for task in tasks]  # type: ignore[arg-type]


def _read_all(name: str, tasks: Any, sender: Sender | None) -> list[Signature]:
    if not isinstance(tasks, list | tuple):
        raise ValueError(f"a signature's {name} must be an array of signatures, not {tasks!r:.100}")
    return [Signature.from_dict(task, sender) for task in tasks]
