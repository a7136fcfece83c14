"""Asks a worker's health as a prober does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson


class Probed(NamedTuple):
    status: int
    body: bytes

    @property
    def reasons(self) -> list[str]:
        document: dict[str, Any] = orjson.loads(self.body)
        return list(document["reasons"])


def probe(path: Path, target: str) -> Probed:
    """GET from the Unix socket. Status 0: nobody answers."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: worker\r\n\r\n".encode())
            while received := client.recv(65536):
                answer += received
        except OSError:
            return Probed(0, b"")
    head, _, body = answer.partition(b"\r\n\r\n")
    return Probed(int(head.split()[1]), body)


def samples(text: bytes) -> dict[str, float]:
    """Name and labels as written → value."""
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class Asked(NamedTuple):
    code: int
    output: str
    errors: str
    seconds: float


def ask(*arguments: str) -> Asked:
    """`runtime health` as a command of its own."""
    started = time.monotonic()
    command = [str(Path(sys.executable).with_name("runtime")), "health", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return Asked(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
