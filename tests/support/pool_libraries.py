"""Jobs that use libraries which their fork server has imported and used. Apart from `pool_jobs`: to
import these takes half a second, which the other tests do without."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import sqlite3
import threading

import numpy
import redis

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


def fetch_over_http(argument: bytes) -> bytes:
    """From a server in a thread of its own."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shout) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        connection.request("GET", "/" + argument.decode())
        answer = connection.getresponse().read()
        connection.close()
        server.shutdown()
    return answer


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


def use_redis(path: bytes) -> bytes:
    """With the one client that all jobs of a child share."""
    if not CLIENTS:
        CLIENTS.append(redis.Redis(unix_socket_path=path.decode()))
    return str(CLIENTS[0].incr("jobs")).encode()


CLIENTS: list[redis.Redis] = []
