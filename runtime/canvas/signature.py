"""Signatures: calls as data (PROTOCOL 5). A plain one, and what the compound ones share with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from runtime.current_app import get_app

if TYPE_CHECKING:
    from runtime.canvas.stamping import StampingVisitor
    from runtime.results.async_result import AsyncResult
    from runtime.results.group_result import GroupResult


class Sender(Protocol):
    """An app, as far as it matters here."""

    def send_signature(
        self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any: ...

    def apply_signature(
        self,
        signature: Signature,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        throw: bool | None,
    ) -> Any: ...

    def call_signature(self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any: ...

    def result_of(self, signature: Signature) -> AsyncResult | GroupResult: ...

    def links_errors_to_headers(self) -> bool: ...


class Signature:
    """A call that can be passed on, stored, and sent with more arguments (partial ones go first)."""

    __slots__ = ("_sender", "args", "immutable", "kwargs", "options", "task")

    subtask_type: ClassVar[str | None] = None
    """On the wire, what kind of a compound signature it is; None: a plain one."""
    kinds: ClassVar[dict[str, type[Signature]]] = {}
    """The compound ones, by their subtask_type."""

    def __init__(
        self,
        task: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
        sender: Sender | None = None,
    ) -> None:
        self.task = task
        self.args = tuple(args)
        self.kwargs = dict(kwargs or {})
        self.options = dict(options or {})
        self.immutable = immutable
        self._sender = sender

    def __init_subclass__(cls) -> None:
        if cls.subtask_type is not None:
            Signature.kinds.setdefault(cls.subtask_type, cls)

    @staticmethod
    def from_dict(fields: Mapping[str, Any] | Signature, sender: Sender | None = None) -> Signature:
        """The signature that these fields are, compound or not. Raises ValueError, naming the member that is
        wrong."""
        if isinstance(fields, Signature):
            return fields
        if not isinstance(fields, Mapping):
            raise ValueError(f"a signature must be an object, as task.s(…) makes them, not {fields!r:.100}")
        task, kind = fields.get("task"), fields.get("subtask_type")
        if not isinstance(task, str) or not task:
            raise ValueError(f"a signature's task must be a name, not {task!r}")
        if kind is not None and kind not in Signature.kinds:
            raise ValueError(
                f"a signature's subtask_type must be one of {', '.join(Signature.kinds)}, not {kind!r}"
            )
        args, kwargs, options = (fields.get(name) or default for name, default in _MEMBERS)
        if not isinstance(args, list | tuple):
            raise ValueError(f"a signature's args must be an array, not {args!r:.100}")
        if not isinstance(kwargs, Mapping) or not isinstance(options, Mapping):
            raise ValueError(
                f"a signature's kwargs and options must be objects: {kwargs!r:.50}, {options!r:.50}"
            )
        made = Signature.kinds.get(kind, Signature) if kind else Signature
        kwargs = made._read(kwargs, sender)
        return made._made(task, args, kwargs, options, bool(fields.get("immutable")), sender)

    @classmethod
    def _read(cls, kwargs: Mapping[str, Any], sender: Sender | None) -> Mapping[str, Any]:
        """With the signatures in them as such."""
        return kwargs

    @classmethod
    def _made(
        cls,
        task: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        immutable: bool,
        sender: Sender | None,
    ) -> Self:
        """As the base class would be made: the subclasses' own ways to be called differ."""
        made = cls.__new__(cls)
        Signature.__init__(made, task, args, kwargs, options, immutable=immutable, sender=sender)
        return made

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

    @property
    def sender(self) -> Sender:
        """Its own, or that of the current app. Raises ImproperlyConfigured if there is no app."""
        return self.known_sender() or get_app().sender

    def known_sender(self) -> Sender | None:
        """Its own, or that of one of its members."""
        return self._sender or next(filter(None, (each.known_sender() for each in self.members())), None)

    @property
    def id(self) -> str | None:
        """Once it is frozen."""
        return self.options.get("task_id")

    @property
    def name(self) -> str:
        return self.task

    def members(self) -> Sequence[Signature]:
        """What a compound one is made of."""
        return ()

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
        return self._made(
            self.task,
            merged_args,
            merged_kwargs,
            {**self.options, **options},
            self.immutable,
            self._sender,
        )

    partial = clone

    def with_options(self, options: dict[str, Any]) -> Self:
        """A copy with these options in place of its own; it shares the rest. For whoever changes nothing."""
        copy = object.__new__(type(self))
        copy.task, copy.args, copy.kwargs, copy.options = self.task, self.args, self.kwargs, options
        copy.immutable, copy._sender = self.immutable, self._sender
        return copy

    def set(self, immutable: bool | None = None, **options: Any) -> Self:
        """Add options, in place."""
        if immutable is not None:
            self.set_immutable(immutable)
        self.options.update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        self.immutable = immutable

    def link(self, callback: Signature) -> Signature:
        """Send `callback` with the result when this has succeeded; returns the callback."""
        self.options["link"] = _with(self.options.get("link"), callback)
        return callback

    def link_error(self, errback: Signature) -> Signature:
        """Send `errback` with the failed task's id when this has failed; returns the errback."""
        self.options["link_error"] = _with(self.options.get("link_error"), errback)
        return errback

    def on_error(self, errback: Signature) -> Self:
        """`link_error`, but returns this signature."""
        self.link_error(errback)
        return self

    def stamp(
        self, visitor: StampingVisitor | None = None, append_stamps: bool = False, **stamps: Any
    ) -> Self:
        """Put stamps on it, its members and what is linked to them, in place; see `canvas.stamping`."""
        from runtime.canvas.stamping import stamp

        stamp(self, visitor, append_stamps, stamps)
        return self

    def freeze(self, task_id: str | None = None) -> Any:
        """Give it, and all in it, the ids with which it will be sent. Returns the results to come."""
        from runtime.canvas.freeze import frozen

        fixed = frozen(self, task_id)
        self.args, self.kwargs, self.options = fixed.args, fixed.kwargs, fixed.options
        return self.sender.result_of(fixed)

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it; see Task.apply_async. Returns the AsyncResult of its end; of a group, a GroupResult."""
        return self.sender.send_signature(self, args or (), kwargs or {}, options)

    def apply(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> Any:
        """Run it here and now; see Task.apply. Returns the EagerResult of its end; of a group, a
        GroupResult."""
        return self.sender.apply_signature(self, args or (), kwargs or {}, options, throw=throw)

    async def adelay(self, *args: Any, **kwargs: Any) -> Any:
        """`delay` in an event loop, which goes on meanwhile."""
        return await self.aapply_async(args, kwargs)

    async def aapply_async(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """`apply_async` in an event loop, which goes on meanwhile."""
        from asyncio import to_thread

        return await to_thread(self.apply_async, args, kwargs, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task here and now, like a function."""
        return self.sender.call_signature(self, args, kwargs)

    def __or__(self, other: Any) -> Signature:
        """This, then the other, with the result of this as its first argument."""
        if not isinstance(other, Signature):
            return NotImplemented
        return Signature.kinds["chain"].joined(self, other)

    @classmethod
    def joined(cls, left: Signature, right: Signature) -> Signature:
        raise NotImplementedError

    def __getitem__(self, member: str) -> Any:
        return self.to_dict()[member]

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Signature) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        arguments = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.task}({', '.join(arguments)})"


_MEMBERS: tuple[tuple[str, Any], ...] = (("args", ()), ("kwargs", {}), ("options", {}))


def _with(listed: Any, signature: Signature) -> list[Any]:
    """Added to one, several or none, unless it is there."""
    found = listed_signatures(listed)
    return found if signature in found else [*found, signature]


def listed_signatures(listed: Any) -> list[Any]:
    """One signature, several, or none, as `link` and `link_error` have them."""
    if not listed:
        return []
    return list(listed) if isinstance(listed, list | tuple) else [listed]
