"""A broker without an installation: a Valkey server of our own on a private Unix socket.

`embedded://` keeps its files in `$XDG_STATE_HOME/runtime/broker` (by default below
`~/.local/state`), `embedded:///some/dir` in `/some/dir/broker`. Any process that uses the URL finds
the server or starts it. It ends when no process has used it for a minute (`?linger=<seconds>`).
Messages are on disk at most a second after they were sent (append-only file), and survive its end.

    place.py      which directory, which socket; both private
    lease.py      a process uses the server as long as it lives
    server.py     found or started
    guardian.py   a small process that keeps the server: started with it, ends with it
"""

from __future__ import annotations

from brokers.embedded.server import locate, stop

__all__ = ["locate", "stop"]
