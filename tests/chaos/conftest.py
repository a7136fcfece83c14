from __future__ import annotations

from collections.abc import Iterator

import pytest

import runtime
from tests.support.servers import ONE, Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Keeps each write through a kill (AOF, fsync always)."""
    with Server(ONE, aof=True) as server:
        yield server


@pytest.fixture
def app(server: Server) -> Iterator[runtime.App]:
    """A client of the same server."""
    app = runtime.App("client", broker=server.url(), backend=server.url(), set_as_current=False)
    yield app
    app.close()
