"""One worker of ours and one of Celery's on the same server, whose answers to remote control are held against
each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery

from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = "tests.support.app."


class Pair:
    """Both workers, each with two slots, room for four messages and a queue of its own; a Celery client."""

    def __init__(self, server: Server, ours: Worker, theirs: CeleryWorker) -> None:
        self.server = server
        self.ours = ours
        self.theirs = theirs
        self.nodes = (ours.node, theirs.node)
        self.client = Celery("client", broker=server.url(), backend=server.url(), set_as_current=False)

    def close(self) -> None:
        self.client.close()
        self.client.backend.result_consumer.stop()
        self.client.backend.client.close()

    def ask(self, method: str, nodes: tuple[str, ...] = (), **arguments: Any) -> list[Any]:
        """The answers of (ours, theirs)."""
        nodes = nodes or self.nodes
        asked = self.client.control.broadcast(
            method, arguments=arguments, reply=True, destination=list(nodes), timeout=10
        )
        answers = {node: value for answer in asked for node, value in answer.items()}
        return [answers[node] for node in nodes]

    def ask_ours(self, method: str, **arguments: Any) -> Any:
        return self.ask(method, self.nodes[:1], **arguments)[0]

    def send(self, name: str, *args: Any, **options: Any) -> list[Any]:
        """One task for each: their results."""
        ids = [str(uuid4()) for _ in self.nodes]
        return [
            self.client.send_task(TASKS + name, [*args], queue=queue, task_id=task_id, **options)
            for queue, task_id in zip(("ours", "theirs"), ids, strict=True)
        ]

    def run(self, count: int) -> list[list[Any]]:
        """So many long tasks for each; returned once those that can run do."""
        sent = [self.send("mark", f"long {uuid4()}", 60) for _ in range(count)]
        wanted = {result.id for pair in sent for result in pair}
        wait_until(lambda: [len(wanted & ids(tasks)) for tasks in self.ask("active")] == [min(count, 2)] * 2)
        return sent

    def end(self, sent: list[list[Any]]) -> None:
        """Terminate these, and wait until nothing runs."""
        self.ask("revoke", task_id=[result.id for pair in sent for result in pair], terminate=True)
        wait_until(lambda: self.ask("active") == [[], []])


def ids(tasks: list[dict[str, Any]]) -> set[str]:
    return {task["id"] for task in tasks}


@contextmanager
def pair_of_workers(server: Server, directory: Path) -> Iterator[Pair]:
    url = server.url()
    with (
        CeleryWorker(url, directory, "-Q", "theirs", "--prefetch-multiplier", "2") as theirs,
        Worker(
            url, directory, "-Q", "ours", "--prefetch-multiplier", "2", app="tests.support.commands_app"
        ) as ours,
    ):
        pair = Pair(server, ours, theirs)
        wait_until(lambda: len(pair.client.control.ping(timeout=0.5)) == 2)
        yield pair
        pair.close()


NUMBER = (int, float)


def differences(ours: Any, theirs: Any, at: str = "answer") -> list[str]:
    """Where the form of our answer is not that of theirs: members, and kinds of values."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{at}: {name!r} on one side only" for name in sorted(ours.keys() ^ theirs.keys(), key=str)]
        for name in ours.keys() & theirs.keys():
            found += differences(ours[name], theirs[name], f"{at}.{name}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(ours[0], theirs[0], f"{at}[0]") if ours and theirs else []
    alike = type(ours) is type(theirs) or (isinstance(ours, NUMBER) and isinstance(theirs, NUMBER))
    return [] if alike else [f"{at}: {ours!r} and {theirs!r}"]
