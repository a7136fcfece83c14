"""Where a Redis server is and how its keys are named: URL and transport options, read and checked.

`redis://[user:password@]host[:6379][/db]`, `rediss://` for TLS, `redis+socket:///path?virtual_host=db`
(also `unix://`) for a Unix socket (PROTOCOL 2). A query parameter is a transport option or one of
the `ssl_…` ones; what is given in `options` goes before it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from brokers.redis.options import TLS, TransportOptions, read

SCHEMES = ("redis", "rediss", "redis+socket", "unix")


@dataclass(frozen=True, slots=True)
class Address:
    """One database of one Redis server, and the names of the keys in it."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    """The Unix socket; host and port mean nothing then."""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TLS | None = None
    transport: TransportOptions = field(default_factory=TransportOptions)

    def key(self, name: str) -> str:
        """A broker key or channel with the global prefix (PROTOCOL 1)."""
        return self.transport.global_keyprefix + name

    def list_key(self, queue: str, priority: int = 0) -> str:
        """The list that holds the queue's messages of this priority, prefixed (PROTOCOL 6.3).

        A priority below 0 or above 9 counts as its nearest bound.
        """
        steps = self.transport.priority_steps
        return self._step_key(queue, steps[bisect(steps, min(max(priority, 0), 9)) - 1])

    def list_keys(self, queue: str) -> tuple[str, ...]:
        """All lists of the queue, the one that is served first in front."""
        return tuple(self._step_key(queue, step) for step in self.transport.priority_steps)

    def _step_key(self, queue: str, step: int) -> str:
        return self.key(f"{queue}{self.transport.sep}{step}" if step else queue)

    def channel(self, exchange: str, routing_key: str = "") -> str:
        """The channel of a fanout exchange (PROTOCOL 1, 6.2)."""
        prefix = self.transport.fanout_prefix
        if not isinstance(prefix, str):
            prefix = "/{db}." if prefix else ""
        key = f"/{routing_key}" if routing_key and self.transport.fanout_patterns else ""
        return self.key(prefix.replace("{db}", str(self.db)) + exchange + key)

    def binding(self, exchange: str, routing_key: str, queue: str) -> tuple[str, str]:
        """(set, member) that say: this queue is bound with this key (PROTOCOL 1)."""
        return self.key(f"_kombu.binding.{exchange}"), self.transport.sep.join((routing_key, "", queue))

    def same_server(self, other: Address) -> bool:
        """Whether one connection reaches the databases of both (`SELECT`). Names are not resolved:
        `localhost` and `127.0.0.1` count as two servers."""
        return self._server() == other._server()

    def _server(self) -> tuple[object, ...]:
        place = (self.path,) if self.path else (self.host.lower(), self.port, self.tls is not None)
        return (*place, self.username, self.password)

    def masked(self) -> str:
        """Its URL for people to read, with `**` for the password."""
        user = quote(self.username or "", safe="")
        login = f"{user}:**@" if self.password else f"{user}@" if user else ""
        if self.path:
            return f"redis+socket://{login}{quote(self.path)}?virtual_host={self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{login}{host}:{self.port}/{self.db}"

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments for redis-py's `Redis`."""
        transport = self.transport
        options: dict[str, Any] = {
            "db": self.db,
            "username": self.username,
            "password": self.password,
            "socket_timeout": transport.socket_timeout,
            "socket_connect_timeout": transport.socket_connect_timeout,
            "health_check_interval": transport.health_check_interval,
            "client_name": transport.client_name,
            "max_connections": transport.max_connections,
        }
        if self.path:
            return options | {"unix_socket_path": self.path}
        options |= {"host": self.host, "port": self.port, "socket_keepalive": transport.socket_keepalive}
        return options | {"ssl": True} | asdict(self.tls) if self.tls else options


def parse(url: str, options: Mapping[str, object] | None = None) -> Address:
    """The address that a URL and transport options mean.

    Raises ValueError naming the part or option that is wrong, its value, and what would be right.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"scheme {parts.scheme!r} of a Redis URL: must be one of {', '.join(SCHEMES)}")
    given: dict[str, object] = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(options or {})
    socket = parts.scheme in ("redis+socket", "unix")
    db = _database(given.pop("virtual_host", None), given.pop("db", None), "" if socket else parts.path)
    path = unquote(parts.path) if socket else None
    if path == "" or (socket and parts.hostname):
        raise ValueError(f"{parts.scheme} URL without the path of a socket: {parts.scheme}:///the/path")
    tls_options = {name: given.pop(name) for name in list(given) if name.startswith("ssl_")}
    if tls_options and parts.scheme != "rediss":
        raise ValueError(f"{', '.join(tls_options)} need a rediss:// URL; this one is {parts.scheme}://")
    return Address(
        host=unquote(parts.hostname or "localhost"),
        port=_port(parts.netloc.rpartition("@")[2], lambda: parts.port),
        path=path,
        db=db,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=read(TLS, tls_options) if parts.scheme == "rediss" else None,
        transport=read(TransportOptions, given),
    )


def _port(server: str, port: Callable[[], int | None]) -> int:
    try:
        number = port()
    except ValueError:
        number = 0
    if number == 0:
        raise ValueError(f"port in {server!r}: must be a number from 1 to 65535")
    return number or 6379


def _database(*candidates: object) -> int:
    """The first that says something; PROTOCOL 2 has it in the path, or for sockets in the query."""
    text = next((str(part).strip("/") for part in candidates if part not in (None, "", "/")), "0")
    if not text.isdecimal():
        raise ValueError(f"database {text!r}: must be a number, 0 or more")
    return int(text)
