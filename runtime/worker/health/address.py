"""Where a worker's health is asked: `HOST:PORT`, or `unix:/path`."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from typing import NamedTuple

from runtime.errors import ImproperlyConfigured

BACKLOG = 64


class Address(NamedTuple):
    text: str
    """As it was given."""
    family: socket.AddressFamily
    place: tuple[str, int] | str
    """What `socket.bind` and `socket.connect` take."""


def parse(text: str) -> Address:
    """`:PORT` is every interface of IPv4; an IPv6 host stands in brackets. Raises ImproperlyConfigured."""
    if text.startswith("unix:/"):
        return Address(text, socket.AF_UNIX, text.removeprefix("unix:"))
    match = re.fullmatch(r"(?:\[(?P<six>[^]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})", text)
    if match is None or int(match["port"]) > 65535:
        raise ImproperlyConfigured(
            f"{text!r} is no address for --http: give HOST:PORT, [IPV6]:PORT or unix:/path"
        )
    if match["six"]:
        return Address(text, socket.AF_INET6, (match["six"], int(match["port"])))
    return Address(text, socket.AF_INET, (match["host"], int(match["port"])))


def listen(address: Address) -> socket.socket:
    """A non-blocking listener. Raises ImproperlyConfigured when the address is taken or not ours."""
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        if address.family == socket.AF_UNIX:
            _remove_abandoned(str(address.place))
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address.place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ImproperlyConfigured(f"cannot listen on {address.text}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def connect(address: Address, timeout: float) -> socket.socket:
    """Raises OSError; TimeoutError after `timeout` seconds. The result keeps that time-out."""
    client = socket.socket(address.family, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        client.connect(address.place)
    except OSError:
        client.close()
        raise
    return client


def _remove_abandoned(path: str) -> None:
    """A socket file outlives the process that was killed. Raises OSError (EADDRINUSE) if somebody listens."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, "there is a file of that name")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        os.unlink(path)
        return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
