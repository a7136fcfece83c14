"""Who sends and who runs: our client and Celery's, our worker and Celery's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import celery

import runtime
from tests.support.celery_calls import connected
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.worker import Worker

WAYS = ("ours → ours", "celery → ours", "ours → celery", "celery → its app in ours")
"""Client → worker."""
OURS = SimpleNamespace(chain=runtime.chain, group=runtime.group, chord=runtime.chord)
THEIRS = SimpleNamespace(chain=celery.chain, group=celery.group, chord=celery.chord)


class Way(NamedTuple):
    api: Any
    """`chain`, `group`, `chord`: ours, or Celery's."""
    app: Any
    """The client."""
    server: Server
    effects: Path
    worker: str
    """`ours`, `celery`, or `its app in ours`."""
    node: str
    """The worker's."""
    prefix: str
    """What names of tasks begin with."""

    def s(self, name: str, *args: Any, **options: Any) -> Any:
        """A signature of one of the tasks."""
        return self.app.signature(f"{self.prefix}.{name}", args, **options)

    def add(self, *args: int) -> Any:
        return self.s("add", *args)

    def noted(self) -> list[str]:
        return self.effects.read_text().splitlines()


@contextmanager
def running(way: str, server: Server, directory: Path, ours: str, theirs: str, prefix: str) -> Iterator[Way]:
    """`ours`, `theirs`: where the apps of both kinds of workers are. The server is emptied before."""
    client, _, worker = way.partition(" → ")
    server.client.flushall()
    url = server.url()
    kinds: dict[str, Callable[[], AbstractContextManager[Worker | CeleryWorker]]] = {
        "ours": lambda: Worker(url, directory, app=ours),
        "celery": lambda: CeleryWorker(url, directory, app=theirs),
        "its app in ours": lambda: Worker(url, directory, app=theirs, env={"CELERY_URL": url}),
    }
    with kinds[worker]() as started, (_ours if client == "ours" else connected)(url) as app:
        api = OURS if client == "ours" else THEIRS
        yield Way(api, app, server, directory / "effects", worker, started.node, prefix)


@contextmanager
def _ours(url: str) -> Iterator[Any]:
    app = runtime.App("client", broker=url, backend=url, set_as_current=False)
    yield app
    app.close()
