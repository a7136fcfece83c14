from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery

import runtime
from tests.support.servers import ONE, Server


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    """Bytes are compared, not servers: one flavour will do."""
    with Server(ONE) as server:
        yield server


@pytest.fixture
def app(server: Server) -> Iterator[runtime.App]:
    app = runtime.App("t", broker=server.url(), backend=server.url(), set_as_current=False)
    yield app
    app.close()


@pytest.fixture
def peer(server: Server) -> Iterator[Celery]:
    """An unmodified Celery app on the same server."""
    peer = Celery("t", broker=server.url(), backend=server.url(), set_as_current=False)
    yield peer
    peer.close()
    peer.backend.result_consumer.stop()
    peer.backend.client.close()
