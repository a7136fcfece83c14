"""`self.request`: what a task may know of the message that it runs for. Celery's field names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runtime import clocks
from runtime.protocol.task_message import TaskMessage

CALLED = TaskMessage()
"""Stands for the message of a task that is called like a function: there is none."""
CALLED.name = CALLED.id = ""
CALLED.eta = CALLED.expires = CALLED.time_limit = CALLED.soft_time_limit = CALLED.ignore_result = None
CALLED.retries = 0
CALLED.headers = {}
CALLED.properties = {}


class Request:
    """One execution of a task.

    Made for each task that a child runs: holds the message and the body, and reads the rest from them
    when asked.
    """

    __slots__ = (
        "args",
        "callbacks",
        "chain",
        "children",
        "chord",
        "errbacks",
        "hostname",
        "is_eager",
        "kwargs",
        "message",
        "retries",
        "watched",
    )

    args: Sequence[Any]
    kwargs: dict[str, Any]
    callbacks: list[Any] | None
    """Signatures to send on success."""
    errbacks: list[Any] | None
    """Signatures to send on failure."""
    chain: list[Any] | None
    """The steps still to run, last one first."""
    chord: Any
    """The body's signature, in a task of a chord's header."""
    children: list[Any]
    """AsyncResults of the tasks that this one has sent."""
    hostname: str | None
    """Node name of the worker."""
    message: TaskMessage
    retries: int
    is_eager: bool
    watched: bool
    """Somebody wants to read what it returns (`report.TELL`)."""

    def __init__(self, message: TaskMessage, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.message = message
        self.args = args
        self.kwargs = kwargs
        self.callbacks = self.errbacks = self.chain = self.chord = self.hostname = None
        self.children = []
        self.retries = message.retries
        self.is_eager = self.watched = False

    @classmethod
    def from_message(
        cls,
        message: TaskMessage,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        embed: dict[str, Any],
        *,
        hostname: str,
    ) -> Request:
        """`args`, `kwargs`, `embed`: the members of a Body."""
        request = cls(message, args, kwargs)
        get = embed.get
        request.callbacks = get("callbacks")
        request.errbacks = get("errbacks")
        request.chain = get("chain")
        request.chord = get("chord")
        request.hostname = hostname
        return request

    @classmethod
    def called(cls, args: Sequence[Any], kwargs: dict[str, Any]) -> Request:
        """Of a task that is called like a function."""
        return cls(CALLED, args, kwargs)

    @classmethod
    def of_never_run(cls, task_id: str, cause: Request, name: str = "") -> Request:
        """Of a task that fails without our having run it, as the one of `cause` tells."""
        message = TaskMessage()
        message.name = name
        message.id = task_id
        message.eta = message.expires = message.time_limit = message.soft_time_limit = None
        message.ignore_result = None
        message.retries = 0
        message.headers = {"root_id": cause.root_id, "parent_id": cause.id}
        message.properties = {}
        return cls(message, (), {})

    @property
    def called_directly(self) -> bool:
        return self.message is CALLED

    @property
    def id(self) -> str | None:
        return self.message.id or None

    @property
    def task(self) -> str | None:
        return self.message.name or None

    @property
    def root_id(self) -> str | None:
        return self.message.root_id or None

    @property
    def parent_id(self) -> str | None:
        return self.message.parent_id

    @property
    def group(self) -> str | None:
        return self.message.group

    @property
    def group_index(self) -> int | None:
        return self.message.group_index

    @property
    def shadow(self) -> str | None:
        return self.message.shadow

    @property
    def eta(self) -> str | None:
        """ISO."""
        return None if self.message.eta is None else clocks.iso(self.message.eta)

    @property
    def expires(self) -> str | None:
        """ISO."""
        return None if self.message.expires is None else clocks.iso(self.message.expires)

    @property
    def timelimit(self) -> list[float | None]:
        """[hard, soft] of the message, in seconds."""
        return [self.message.time_limit, self.message.soft_time_limit]

    @property
    def time_limit(self) -> float | None:
        return self.message.time_limit

    @property
    def soft_time_limit(self) -> float | None:
        return self.message.soft_time_limit

    @property
    def ignore_result(self) -> bool | None:
        """The caller's choice; None: the task's declaration decides."""
        return self.message.ignore_result

    @property
    def origin(self) -> str | None:
        return self.message.origin

    @property
    def reply_to(self) -> str | None:
        return self.message.reply_to

    @property
    def argsrepr(self) -> str:
        """As the sender printed them."""
        return self.message.argsrepr

    @property
    def kwargsrepr(self) -> str:
        return self.message.kwargsrepr

    @property
    def correlation_id(self) -> str | None:
        return self.message.correlation_id

    @property
    def replaced_task_nesting(self) -> int:
        return self.message.replaced_task_nesting

    @property
    def stamped_headers(self) -> list[str] | None:
        return self.message.stamped_headers

    @property
    def stamps(self) -> dict[str, Any]:
        return self.message.stamps

    @property
    def headers(self) -> dict[str, Any] | None:
        """The caller's own headers."""
        return self.message.custom_headers or None

    @property
    def properties(self) -> dict[str, Any]:
        return self.message.properties

    @property
    def delivery_info(self) -> dict[str, Any]:
        message = self.message
        info = message.delivery_info
        return {
            "exchange": info.get("exchange", ""),
            "routing_key": info.get("routing_key", ""),
            "priority": message.priority,
            "redelivered": message.redelivered,
        }

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)

    def __repr__(self) -> str:
        return f"<Request: {self.task}[{self.id}]>" if self.id else "<Request: called directly>"
