"""Asks a worker how it is. Loads neither an app nor an HTTP library: probes run every few seconds."""

from __future__ import annotations

import time

import orjson

from runtime.worker.health import address


def ask(place: address.Address, path: str, timeout: float) -> tuple[bool, list[str]]:
    """Whether it says yes, and its reasons if not; no answer within `timeout` seconds is a no as well."""
    deadline = time.monotonic() + timeout
    try:
        status, body = _get(place, path, deadline)
        reasons = list(orjson.loads(body)["reasons"])
    except TimeoutError:
        return False, [f"{place.text} did not answer within {timeout:g} s"]
    except OSError as error:
        return False, [f"{place.text}: {error.strerror or error}"]
    except (ValueError, LookupError, TypeError):
        return False, [f"{place.text} did not answer as a worker does"]
    return status == 200, reasons


def _get(place: address.Address, path: str, deadline: float) -> tuple[int, bytes]:
    """The status and the body. Raises OSError, TimeoutError, ValueError, IndexError."""
    answer = b""
    with address.connect(place, _left(deadline)) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        while received := connection.recv(65536):
            answer += received
            connection.settimeout(_left(deadline))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
