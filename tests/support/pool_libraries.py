"""Jobs that use libraries which their fork server has imported and used. Apart from `pool_jobs`: to
import these takes half a second, which the other tests do without."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import http.client
import http.server
import sqlite3
import threading
from collections.abc import Iterator

import numpy
import psycopg
import redis
import urllib3

from tests.support.pool_jobs import Run, by_name


def boot(argument: bytes) -> tuple[Run, bytes]:
    """numpy's threads have worked in the fork server."""
    return Run(by_name(globals())), use_numpy(argument)


def run_event_loop(argument: bytes) -> bytes:
    async def shout() -> bytes:
        await asyncio.sleep(0.001)
        return argument.upper()

    return asyncio.run(shout())


class _Shout(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path[1:].upper().encode())

    def log_message(self, format: str, *args: object) -> None:
        """In silence."""


@contextlib.contextmanager
def _served() -> Iterator[int]:
    """The port of a server in a thread of its own."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shout) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_port
        server.shutdown()


def fetch_over_http(argument: bytes) -> bytes:
    with _served() as port, contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/" + argument.decode())
        return connection.getresponse().read()


POOL = urllib3.PoolManager()
"""What requests has under it."""


def fetch_by_pool(argument: bytes) -> bytes:
    with _served() as port:
        return POOL.request("GET", f"http://127.0.0.1:{port}/{argument.decode()}").data


def use_sqlite(argument: bytes) -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        (answer,) = connection.execute("SELECT upper(?)", [argument.decode()]).fetchone()
    return str(answer).encode()


def use_numpy(argument: bytes) -> bytes:
    """Large enough that its threads share the work."""
    side = 500
    square = numpy.full((side, side), 2.0)
    assert (square @ square == 4.0 * side).all()
    return argument.upper()


def use_openmp(argument: bytes) -> bytes:
    path, text = argument.decode().split(":")
    assert ctypes.CDLL(path).sum(1000) == 500500
    return text.upper().encode()


def use_redis(path: bytes) -> bytes:
    """With the one client that all jobs of a child share."""
    with SHARED:
        if not CLIENTS:
            CLIENTS.append(redis.Redis(unix_socket_path=path.decode()))
    return str(CLIENTS[0].incr("jobs")).encode()


def use_postgres(address: bytes) -> bytes:
    """By the one connection that all jobs of a child share."""
    with SHARED:
        if not CONNECTIONS:
            CONNECTIONS.append(psycopg.connect(address.decode(), autocommit=True))
    row = CONNECTIONS[0].execute("SELECT nextval('jobs')").fetchone()
    assert row is not None
    return str(row[0]).encode()


def use_postgres_in_loop(argument: bytes) -> bytes:
    address, text = argument.decode().split(":")

    async def shout() -> str:
        async with await psycopg.AsyncConnection.connect(address) as connection:
            found = await connection.execute("SELECT upper(%s)", [text])
            (answer,) = await found.fetchone() or ("nothing",)
            return str(answer)

    return asyncio.run(shout()).encode()


SHARED = threading.Lock()
CLIENTS: list[redis.Redis] = []
CONNECTIONS: list[psycopg.Connection[tuple[int]]] = []
