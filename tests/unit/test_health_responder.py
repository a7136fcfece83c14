"""The answering side of probes, without a worker."""

from __future__ import annotations

import resource
import socket
import time
from pathlib import Path

from runtime.worker.health.address import listen, parse
from runtime.worker.health.responder import Responder


def test_a_client_for_whom_no_descriptor_is_left_is_heard_later(tmp_path: Path) -> None:
    responder = Responder(listen(parse(f"unix:{tmp_path}/http")))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX) as client, socket.socket() as probe:
        client.connect(f"{tmp_path}/http")
        client.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        none_left = probe.fileno()
        probe.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (none_left, hard))
        try:
            assert responder.receive(time.monotonic()) == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        responder.receive(time.monotonic())
        (visitor,) = responder.receive(time.monotonic())
        assert visitor.path == "/livez"
    responder.close()
