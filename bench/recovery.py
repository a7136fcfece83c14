"""How long single commands hold the server while many messages are unacked: `python -m bench.recovery`.

A worker takes `--messages`, has the broker hold half of them until tomorrow, and is killed; another one
recovers them all, takes them again, settles some, has the others held, makes all due, refreshes their age for
Celery's workers, and leaves.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.table import Table

from bench.server import Server
from brokers.interface import Consumer, Delivery, Push, Settlement
from brokers.redis import scripts
from brokers.redis.scripts import Script
from brokers.registry import open_consumer
from runtime import App

QUEUE = "celery"
LEASE = 2.0
AT_ONCE = 1000
"""Messages per take."""
SETTLED = 20_000
TOMORROW = 86_400.0
SLOW = 500
"""Microseconds from which on the server's slow log has a command."""


@click.command()
@click.option("--messages", type=click.IntRange(1000), default=100_000, show_default=True)
def main(messages: int) -> None:
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as directory, Server(Path(directory)) as server:
        server.client.config_set("slowlog-log-slower-than", SLOW)
        server.client.config_set("slowlog-max-len", 1_000_000)
        for name, act in _acts(server, messages):
            server.client.slowlog_reset()
            with Latency(server) as latency:
                begun = time.monotonic()
                act()
                seconds = time.monotonic() - begun
            console.print(_table(f"{name}: {seconds:.2f} s, longest wait of a PING", server, latency))


def _acts(server: Server, messages: int) -> list[tuple[str, Callable[[], object]]]:
    other = Driver(server, "other@bench")

    def dies() -> None:
        pid = os.fork()
        if pid == 0:
            with Driver(server, "dead@bench") as dead:
                deliveries = dead.take(messages)
                dead.hold(deliveries[::2])
                os._exit(0)
        os.waitpid(pid, 0)

    def recover() -> None:
        other.consumer.connect(5)
        other.until(lambda: not server.client.zcard("unacked_index"), 60 + LEASE)

    def settle() -> None:
        other.settle(
            [
                Settlement(each.tag, pushes=(Push(QUEUE, each.message, 0, head=True),))
                for each in other.deliveries[:SETTLED]
            ]
        )

    return [
        (f"sending {messages:,}", lambda: _send(server, messages)),
        ("taking, and holding half", dies),
        (f"recovering, after a lease of {LEASE:g} s", recover),
        ("taking again", lambda: other.take(messages)),
        (f"giving back {SETTLED:,}", settle),
        ("holding the rest", lambda: other.hold(other.deliveries[SETTLED:])),
        ("rousing all that is held", other.rouse),
        ("refreshing", lambda: other.drive(VISIBILITY / 2)),
        ("leaving", lambda: other.consumer.close(60)),
    ]


VISIBILITY = 20
"""Seconds: Celery's visibility timeout; what is older than a quarter of it is refreshed."""


class Driver:
    """A consumer, driven as the supervisor's loop does."""

    def __init__(self, server: Server, node: str) -> None:
        options = {"visibility_timeout": VISIBILITY}
        self.consumer: Consumer = open_consumer(server.url, options, queues=[QUEUE], node=node, lease=LEASE)
        self.deliveries: list[Delivery] = []
        self._taken = self._awake = 0
        self._poller = select.poll()
        self._poller.register(self.consumer.fileno(), select.POLLIN)

    def __enter__(self) -> Self:
        self.consumer.connect(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.consumer.close(5)

    def take(self, count: int) -> list[Delivery]:
        while len(self.deliveries) < count:
            answers = self._taken
            self.consumer.take(AT_ONCE)
            self.until(lambda: self._taken > answers)  # noqa: B023
        return self.deliveries

    def hold(self, deliveries: list[Delivery]) -> None:
        due = time.time() + TOMORROW
        self.consumer.hold([(each.tag, due) for each in deliveries])
        self.until(lambda: not self.consumer.pending())

    def rouse(self) -> None:
        awake = self._awake
        self.consumer.rouse()
        self.until(lambda: self._awake > awake)

    def settle(self, settlements: list[Settlement]) -> None:
        self.consumer.settle(settlements)
        self.until(lambda: not self.consumer.pending())

    def drive(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def until(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout:g} s")
            wait = min(0.05, self.consumer.next_deadline() - time.monotonic())
            self._poller.poll(max(wait, 0.0) * 1000)
            received = self.consumer.receive(time.monotonic())
            self.deliveries += received.deliveries
            self._taken += received.taken
            self._awake += received.awake


class Latency:
    """How long others wait for the server between `with` and its end: measured by a process of its own."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self.longest = 0.0
        """Seconds, of a PING."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", PINGS, str(self._port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told, _ = self._process.communicate("")
        self.longest = float(told)


PINGS = """
import select, socket, sys, time
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
longest = 0.0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    begun = time.monotonic()
    server.sendall(b"PING\\r\\n")
    server.recv(100)
    longest = max(longest, time.monotonic() - begun)
print(longest)
"""


def _send(server: Server, messages: int) -> None:
    app = App("bench", broker=server.url, set_as_current=False)
    app.send_many(app.signature("bench.task", (number,)) for number in range(messages))
    app.close()


def _table(title: str, server: Server, latency: Latency) -> Table:
    table = Table(
        title=f"{title} {latency.longest * 1000:.1f} ms", title_justify="left", min_width=70, show_edge=False
    )
    for heading in (f"slower than {SLOW / 1000:g} ms", "calls", "p50 ms", "longest ms"):
        table.add_column(heading, justify="left" if heading.startswith("slower") else "right")
    durations = defaultdict(list)
    log: Any = server.client.slowlog_get(1_000_000)
    names = {each.digest: name for name, each in vars(scripts).items() if isinstance(each, Script)}
    for entry in log:
        command, _, rest = entry["command"].decode(errors="replace").partition(" ")
        name = names.get(rest.partition(" ")[0], "")
        durations[f"{command} {name}"].append(entry["duration"] / 1000)
    for name, each in sorted(durations.items(), key=lambda item: -max(item[1])):
        ordered = sorted(each)
        table.add_row(name, f"{len(each)}", f"{ordered[len(each) // 2]:.1f}", f"{ordered[-1]:.1f}")
    return table


if __name__ == "__main__":
    main()
