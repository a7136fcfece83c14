"""TLS around a socket. Apart from `connect`, because importing ssl costs 10 ms."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from brokers.interface import BrokerRefused
from brokers.redis.options import TLS


class _Socket(ssl.SSLSocket):
    """Says BlockingIOError where any other non-blocking socket does."""

    def recv(self, *arguments: Any) -> bytes:
        try:
            return super().recv(*arguments)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def send(self, *arguments: Any) -> int:
        try:
            return super().send(*arguments)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None


def wrap(sock: socket.socket, host: str, options: TLS) -> socket.socket:
    """Shake hands, within the socket's time-out; the given socket is closed if that fails.

    Raises OSError (ssl.SSLError is one), or BrokerRefused if one of both sides is not trusted or a
    file is not there.
    """
    try:
        context = ssl.create_default_context(cafile=options.ssl_ca_certs)
        context.sslsocket_class = _Socket
        context.check_hostname = options.ssl_check_hostname and options.ssl_cert_reqs == "required"
        context.verify_mode = ssl.VerifyMode[f"CERT_{options.ssl_cert_reqs.upper()}"]
        if options.ssl_certfile:
            context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
        return context.wrap_socket(sock, server_hostname=host)
    except (ssl.SSLCertVerificationError, FileNotFoundError) as error:
        sock.close()
        raise BrokerRefused(f"rediss://{host}: {error}") from error
    except OSError:
        sock.close()
        raise
