"""Fixtures that every suite may use."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.support.servers import BINARIES, Server

# The tests start processes by the hundred. Where the environment forbids bytecode, as those of containers
# often do, each would compile all our modules anew: 0.3 s of CPU for a worker.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# In a shell's background jobs SIGINT is ignored, and would be in every process that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", params=sorted(BINARIES))
def shared_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server per flavour and test module. Ask for `server` unless you do not mind its contents."""
    with Server(request.param) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """An empty server of every flavour, without persistence. A test may stop or pause it."""
    shared_server.client.flushall()
    yield shared_server
    shared_server.resume()
    if not shared_server.running:
        shared_server.start()


@pytest.fixture(params=sorted(BINARIES))
def durable_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh server of every flavour that keeps each write through a kill (AOF, fsync always)."""
    with Server(request.param, aof=True) as server:
        yield server
