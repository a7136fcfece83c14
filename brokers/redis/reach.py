"""Opens a socket to a server: a Unix socket, or TCP, with TLS if asked for. Blocks."""

from __future__ import annotations

import socket

from brokers.redis.address import Address

SILENCE_MS = 8000
"""After which a peer that acknowledges no packet counts as dead (TCP_USER_TIMEOUT)."""


def reach(address: Address, timeout: float) -> socket.socket:
    """Raises OSError, UnicodeError for a host that cannot be a name, and BrokerRefused if TLS does
    not trust the server, or it us."""
    if address.path:
        return _reach_local(address.path, timeout)
    sock = socket.create_connection((address.host, address.port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
    if address.transport.socket_keepalive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
    if address.tls is None:
        return sock
    from brokers.redis.tls import wrap  # ssl costs 10 ms

    return wrap(sock, address.host, address.tls)


def _reach_local(path: str, timeout: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock
