"""What a worker needs to know of a task message without decoding its body (PROTOCOL 4.1).

`read` is here; its counterparts `build` (for a sender) and `read_body` (for a child) can be had from
here too.

On the supervisor's hot path: what every message needs is checked and read here once; what few need is
read from the headers when asked for.
"""

from __future__ import annotations

from typing import Any

from brokers.envelope import Envelope, MalformedMessage
from runtime import clocks
from runtime.protocol import headers as header_names
from runtime.protocol import protocol1
from runtime.protocol.body import Body
from runtime.protocol.body import read as read_body
from runtime.protocol.build import build

__all__ = ["Body", "TaskMessage", "build", "read", "read_body"]


LONGEST = 1e9
"""Seconds, of a time limit; NaN and infinity are beyond it too."""
UNLIMITED = [None, None]


class TaskMessage:
    """A task message whose headers are in order. `headers` and `properties` are the envelope's own."""

    __slots__ = (
        "eta",
        "expires",
        "headers",
        "id",
        "ignore_result",
        "name",
        "properties",
        "retries",
        "soft_time_limit",
        "time_limit",
    )

    id: str
    name: str
    eta: float | None
    """Epoch seconds."""
    expires: float | None
    """Epoch seconds."""
    time_limit: float | None
    """Seconds; the hard one."""
    soft_time_limit: float | None
    """Seconds."""
    retries: int
    ignore_result: bool | None
    """None: the task's own declaration decides."""
    headers: dict[str, Any]
    properties: dict[str, Any]

    @property
    def root_id(self) -> str:
        return self.headers.get("root_id") or self.id

    @property
    def parent_id(self) -> str | None:
        return self.headers.get("parent_id")

    @property
    def group(self) -> str | None:
        return self.headers.get("group")

    @property
    def group_index(self) -> int | None:
        return self.headers.get("group_index")

    @property
    def shadow(self) -> str | None:
        return self.headers.get("shadow")

    @property
    def argsrepr(self) -> str:
        return self.headers.get("argsrepr") or ""

    @property
    def kwargsrepr(self) -> str:
        return self.headers.get("kwargsrepr") or ""

    @property
    def origin(self) -> str | None:
        return self.headers.get("origin")

    @property
    def redelivered(self) -> bool:
        return bool(self.headers.get("redelivered") or self.delivery_info.get("redelivered"))

    @property
    def replaced_task_nesting(self) -> int:
        return self.headers.get("replaced_task_nesting") or 0

    @property
    def stamped_headers(self) -> list[str] | None:
        return self.headers.get("stamped_headers")

    @property
    def stamps(self) -> dict[str, Any]:
        return self.headers.get("stamps") or {}

    @property
    def custom_headers(self) -> dict[str, Any]:
        """The caller's own."""
        return header_names.custom(self.headers)

    @property
    def priority(self) -> int:
        value = self.properties.get("priority")
        return min(max(value, 0), 9) if isinstance(value, int) else 0

    @property
    def reply_to(self) -> str | None:
        return self.properties.get("reply_to")

    @property
    def correlation_id(self) -> str | None:
        return self.properties.get("correlation_id")

    @property
    def delivery_info(self) -> dict[str, Any]:
        """`exchange`, `routing_key`, and `redelivered` where it was."""
        info = self.properties.get("delivery_info")
        return info if isinstance(info, dict) else {}


def read(envelope: Envelope) -> TaskMessage:
    """Raises MalformedMessage, naming the header that is wrong."""
    headers = envelope.headers
    if "task" not in headers:
        headers = protocol1.headers(envelope)
    get = headers.get
    message = TaskMessage()
    message.headers = headers
    message.properties = envelope.properties
    message.name = _text("task", headers["task"], empty=False)
    message.id = _text("id", get("id"), empty=False)
    eta, expires, limits = get("eta"), get("expires"), get("timelimit")
    message.eta = None if eta is None else _epoch("eta", eta)
    message.expires = None if expires is None else _epoch("expires", expires)
    if limits is None or limits == UNLIMITED:
        message.time_limit = message.soft_time_limit = None
    else:
        message.time_limit, message.soft_time_limit = _limits(limits)
    retries = get("retries") or 0
    if type(retries) is not int or retries < 0:
        raise MalformedMessage(f"header retries must be a whole number, not {retries!r:.100}")
    message.retries = retries
    message.ignore_result = get("ignore_result")
    root, parent, group, shadow = get("root_id"), get("parent_id"), get("group"), get("shadow")
    if root != message.id and root is not None:
        _text("root_id", root)
    if parent is not None:
        _text("parent_id", parent)
    if group is not None:
        _text("group", group)
    if shadow is not None:
        _text("shadow", shadow)
    return message


def _text(name: str, value: object, empty: bool = True) -> str:
    """Half of a surrogate pair, which Python's json lets through, could be stored nowhere."""
    if not isinstance(value, str) or not (value.isascii() or _encodable(value)):
        raise MalformedMessage(f"header {name} must be text, not {value!r:.100}")
    if not (value or empty):
        raise MalformedMessage(f"header {name} must not be empty")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _epoch(name: str, value: Any) -> float:
    try:
        return clocks.epoch(value)
    except (ValueError, TypeError):
        raise MalformedMessage(f"header {name} must be an ISO 8601 time, not {value!r:.100}") from None


def _limits(value: Any) -> tuple[float | None, float | None]:
    if type(value) is not list or len(value) != 2:
        raise MalformedMessage(f"header timelimit must be [hard, soft], not {value!r:.100}")
    hard, soft = value
    return _limit(hard), _limit(soft)


def _limit(value: Any) -> float | None:
    if value is None or value == 0:
        return None
    if type(value) not in (int, float) or not 0 <= value <= LONGEST:
        raise MalformedMessage(f"header timelimit must hold seconds or null, not {value!r:.100}")
    return float(value)
