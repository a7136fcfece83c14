"""Signatures: calls as data (PROTOCOL 5). Plain ones; compound ones are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from brokers.interface import Push
from runtime.errors import ImproperlyConfigured
from runtime.protocol.calls import compose
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.results.async_result import AsyncResult


class Sender(Protocol):
    """An app, as far as it matters here."""

    def send_signature(
        self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> AsyncResult: ...


class Signature:
    """A call that can be passed on, stored, and sent with more arguments (partial ones go first)."""

    __slots__ = ("_sender", "args", "immutable", "kwargs", "options", "subtask_type", "task")

    def __init__(
        self,
        task: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
        subtask_type: str | None = None,
        sender: Sender | None = None,
    ) -> None:
        self.task = task
        self.args = tuple(args)
        self.kwargs = dict(kwargs or {})
        self.options = dict(options or {})
        self.immutable = immutable
        self.subtask_type = subtask_type
        self._sender = sender

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], sender: Sender | None = None) -> Self:
        """Raises ValueError, naming the member that is wrong."""
        task = fields.get("task")
        if not isinstance(task, str) or not task:
            raise ValueError(f"a signature's task must be a name, not {task!r}")
        args, kwargs, options = (fields.get(name) or default for name, default in _MEMBERS)
        if not isinstance(args, list | tuple):
            raise ValueError(f"a signature's args must be an array, not {args!r:.100}")
        if not isinstance(kwargs, Mapping) or not isinstance(options, Mapping):
            raise ValueError(
                f"a signature's kwargs and options must be objects: {kwargs!r:.50}, {options!r:.50}"
            )
        return cls(
            task,
            args,
            kwargs,
            options,
            immutable=bool(fields.get("immutable")),
            subtask_type=fields.get("subtask_type"),
            sender=sender,
        )

    def to_dict(self) -> dict[str, Any]:
        """Its form on the wire."""
        return {
            "task": self.task,
            "args": list(self.args),
            "kwargs": self.kwargs,
            "options": self.options,
            "subtask_type": self.subtask_type,
            "immutable": self.immutable,
        }

    __json__ = to_dict

    def merged(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Its arguments with these partial ones; an immutable signature takes none."""
        if self.immutable or not (args or kwargs):
            return self.args, self.kwargs
        return (*args, *self.args), {**self.kwargs, **(kwargs or {})}

    def clone(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Self:
        """A copy with partial arguments and more options."""
        merged_args, merged_kwargs = self.merged(args, kwargs)
        return type(self)(
            self.task,
            merged_args,
            merged_kwargs,
            {**self.options, **options},
            immutable=self.immutable,
            subtask_type=self.subtask_type,
            sender=self._sender,
        )

    def set(self, immutable: bool | None = None, **options: Any) -> Self:
        """Add options, in place."""
        if immutable is not None:
            self.immutable = immutable
        self.options.update(options)
        return self

    def link(self, callback: Signature) -> Signature:
        """Send `callback` with the result when this has succeeded; returns the callback."""
        self.options["link"] = [*self.options.get("link", ()), callback]
        return callback

    def link_error(self, errback: Signature) -> Signature:
        """Send `errback` with the failed task's id when this has failed; returns the errback."""
        self.options["link_error"] = [*self.options.get("link_error", ()), errback]
        return errback

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult:
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncResult:
        """Send it; see Task.apply_async."""
        if self._sender is None:
            raise ImproperlyConfigured(f"the signature of {self.task} belongs to no app: use app.signature()")
        return self._sender.send_signature(self, args, kwargs or {}, options)

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Signature) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        arguments = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.task}({', '.join(arguments)})"


_MEMBERS: tuple[tuple[str, Any], ...] = (("args", ()), ("kwargs", {}), ("options", {}))


def message_for(
    conf: Settings,
    signature: Signature | Mapping[str, Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    declared: Mapping[str, Any] | None = None,
    **options: Any,
) -> Push:
    """The message that sends a signature with these partial arguments.

    `options`, such as `root_id`, `parent_id` and `chain` (the rest of a chain, last step first), go
    before the signature's own; its `task_id` is binding. `declared`: what the task itself declares.

    Raises ValueError for what is no signature, NotImplementedError for a compound one (group, chord,
    chain …), and as `compose`.
    """
    if not isinstance(signature, Signature):
        signature = Signature.from_dict(signature)
    if signature.subtask_type is not None:
        raise NotImplementedError(
            f"sending a {signature.subtask_type} ({signature.task}) is not supported yet"
        )
    merged_args, merged_kwargs = signature.merged(args, kwargs)
    return compose(
        conf, signature.task, merged_args, merged_kwargs, _merged(signature.options, options), declared
    )


def _merged(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A group stays that of the signature; what is given empty (such as no rest of a chain) says nothing."""
    said = {name: value for name, value in given.items() if value is not None and value != []}
    if "group_id" in own:
        said.pop("group_id", None)
    return {**own, **said}
