"""A server's TLS door on a TCP port of 127.0.0.1, for `rediss://`.

Not the server's own TLS, which not every flavour is built with. The certificate beside this file is
for `localhost`, signed by itself, and serves nothing but these tests.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

CERTIFICATE = Path(__file__).with_name("certificate.pem")
KEY = Path(__file__).with_name("key.pem")


class Door:
    """Passes bytes on between TLS clients and a Unix socket. A context manager."""

    def __init__(self, target: Path) -> None:
        self._target = target
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def url(self, query: str = "") -> str:
        return f"rediss://localhost:{self.port}/0?{query}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Both ways, until either side ends. A client that does not trust us ends here too."""
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(client, server_side=True) as inside,
            socket.socket(socket.AF_UNIX) as server,
        ):
            server.connect(str(self._target))
            while True:
                ready = [inside] if inside.pending() else select.select([inside, server], [], [])[0]
                for source in ready:
                    if not (data := source.recv(65536)):
                        return
                    (server if source is inside else inside).sendall(data)
