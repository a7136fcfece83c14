"""Where a Redis server is and how its keys are named: URL and transport options, read and checked.

`redis://[user:password@]host[:6379][/db]`, `rediss://` for TLS, `redis+socket:///path?virtual_host=db`
(also `unix://`) for a Unix socket (PROTOCOL 2). A query parameter is a transport option or one of
the `ssl_…` ones; what is given in `options` goes before it.

`sentinel://[user:password@]host[:26379][/db];sentinel://…` names sentinels that know the server; user,
password and `ssl…` options are the server's, the sentinels' own are in `sentinel_kwargs`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from brokers.redis.options import (
    TLS,
    Options,
    SentinelLogin,
    SentinelOptions,
    TransportOptions,
    names,
    read,
)

SCHEMES = ("redis", "rediss", "redis+socket", "unix", "sentinel")


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who knows where the master is."""

    servers: tuple[Address, ...]
    master_name: str
    min_other_sentinels: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """One database of one Redis server, and the names of the keys in it."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    """The Unix socket; host and port mean nothing then."""
    sentinels: Sentinels | None = None
    """Who knows the host and the port, which mean nothing then."""
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

    def at(self, host: str, port: int) -> Address:
        """The same on the server that the sentinels have named."""
        return replace(self, host=host, port=port, sentinels=None)

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
        login = (self.username, self.password)
        if self.sentinels is not None:
            known_by = frozenset((server.host.lower(), server.port) for server in self.sentinels.servers)
            return (known_by, self.sentinels.master_name, *login)
        if self.path:
            return (self.path, *login)
        return (self.host.lower(), self.port, self.tls is not None, *login)

    def masked(self) -> str:
        """Its URL for people to read, with `**` for the password."""
        user = quote(self.username or "", safe="")
        login = f"{user}:**@" if self.password else f"{user}@" if user else ""
        if self.path:
            return f"redis+socket://{login}{quote(self.path)}?virtual_host={self.db}"
        if self.sentinels is not None:
            servers = (f"sentinel://{login}{server.netloc()}" for server in self.sentinels.servers)
            return f"{';'.join(servers)}/{self.db}?master_name={self.sentinels.master_name}"
        return f"{'rediss' if self.tls else 'redis'}://{login}{self.netloc()}/{self.db}"

    def netloc(self) -> str:
        """`host:port`, as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments for redis-py's `Redis`, or for the `master_for` of its `Sentinel`."""
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
        options["socket_keepalive"] = transport.socket_keepalive
        if self.sentinels is None:
            options |= {"host": self.host, "port": self.port}
        return options | {"ssl": True} | asdict(self.tls) if self.tls else options


def parse(url: str, options: Mapping[str, object] | None = None) -> Address:
    """The address that a URL and transport options mean.

    Raises ValueError naming the part or option that is wrong, its value, and what would be right.
    """
    if url.startswith("sentinel://"):
        return _parse_sentinels(url, options or {})
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
    if about_sentinels := _taken_out(given, SentinelOptions):
        raise ValueError(
            f"{', '.join(about_sentinels)} need a sentinel:// URL; this one is {parts.scheme}://"
        )
    return Address(
        host=unquote(parts.hostname or "localhost"),
        port=_port(parts, 6379),
        path=path,
        db=db,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=read(TLS, tls_options) if parts.scheme == "rediss" else None,
        transport=read(TransportOptions, given),
    )


def _parse_sentinels(url: str, options: Mapping[str, object]) -> Address:
    parts = [urlsplit(part) for part in url.split(";")]
    for part in parts:
        _check_sentinel(part, parts[0])
    given: dict[str, object] = {}
    for part in parts:
        given |= dict(parse_qsl(part.query, keep_blank_values=True))
    given |= options
    asked = read(SentinelOptions, _taken_out(given, SentinelOptions))
    if not asked.master_name:
        raise ValueError(
            "sentinel:// URL without the transport option master_name: what its master is called"
        )
    servers = tuple(_sentinel(part, asked.sentinel_kwargs) for part in parts)
    first = parts[0]
    return Address(
        sentinels=Sentinels(servers, asked.master_name, asked.min_other_sentinels),
        db=_database(given.pop("virtual_host", None), given.pop("db", None), first.path),
        username=unquote(first.username) if first.username else None,
        password=unquote(first.password) if first.password else None,
        tls=_tls(given, asked.ssl),
        transport=read(TransportOptions, given),
    )


def _check_sentinel(part: SplitResult, first: SplitResult) -> None:
    """Celery reads login and database in the first part, or in a later one once that has failed."""
    if part.scheme != "sentinel" or not part.hostname:
        text = part.geturl().rpartition("@")[2]
        raise ValueError(f"sentinel {text!r}: must be sentinel://host:26379; ';' between several")
    same_login = (part.username, part.password) in ((None, None), (first.username, first.password))
    if not same_login or (part.path.strip("/") and _database(part.path) != _database(first.path)):
        raise ValueError(
            f"sentinel {_server(part)!r}: user, password and database must be as in the first part"
        )


def _sentinel(part: SplitResult, options: Mapping[str, object]) -> Address:
    """A sentinel itself; `options`: `sentinel_kwargs`."""
    given = dict(options)
    own = read(SentinelLogin, _taken_out(given, SentinelLogin))
    return Address(
        host=unquote(part.hostname or ""),
        port=_port(part, 26379),
        username=own.username,
        password=own.password,
        tls=_tls(given, own.ssl),
        transport=read(TransportOptions, given),
    )


def _taken_out(given: dict[str, object], kind: type[Options]) -> dict[str, object]:
    return {name: given.pop(name) for name in names(kind) if name in given}


def _tls(given: dict[str, object], wanted: bool) -> TLS | None:
    options = _taken_out(given, TLS)
    return read(TLS, options) if wanted or options else None


def _server(parts: SplitResult) -> str:
    """For people to read: without the password."""
    return parts.netloc.rpartition("@")[2]


def _port(parts: SplitResult, default: int) -> int:
    try:
        number = parts.port
    except ValueError:
        number = 0
    if number == 0:
        raise ValueError(f"port in {_server(parts)!r}: must be a number from 1 to 65535")
    return number or default


def _database(*candidates: object) -> int:
    """The first that says something; PROTOCOL 2 has it in the path, or for sockets in the query."""
    text = next((str(part).strip("/") for part in candidates if part not in (None, "", "/")), "0")
    if not text.isdecimal():
        raise ValueError(f"database {text!r}: must be a number, 0 or more")
    return int(text)
