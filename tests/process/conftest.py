from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime
from tests.support.pair import Pair, pair_of_workers
from tests.support.servers import ONE, Server
from tests.support.worker import Worker


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    """Whole workers are tested on one flavour: what differs between them is the contract suites' matter."""
    with Server(ONE) as server:
        yield server


@pytest.fixture(scope="module")
def pair(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A worker of ours and one of Celery's."""
    with pair_of_workers(shared_server, tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@pytest.fixture
def pool() -> str:
    """A test that is there for several has them as its parameters."""
    return "prefork"


@pytest.fixture
def worker(server: Server, tmp_path: Path, pool: str) -> Iterator[Worker]:
    """Two slots, if the pool can have them; default settings."""
    with Worker(server.url(), tmp_path, pool=pool, slots=1 if pool == "solo" else 2) as worker:
        yield worker


@pytest.fixture
def app(server: Server) -> Iterator[runtime.App]:
    """A client of the same server."""
    app = runtime.App("client", broker=server.url(), backend=server.url(), set_as_current=False)
    yield app
    app.close()


@pytest.fixture
def place(server: Server) -> Path:
    """Beside the server's socket: short enough for a path of a Unix socket."""
    return server.directory / "http"
