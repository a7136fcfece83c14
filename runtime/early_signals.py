"""TERM and QUIT from the first moment of a start until somebody has handlers of his own: nothing is held yet,
so they end the process at once, as asked, and not as a death by signal."""

from __future__ import annotations

import signal
from typing import NoReturn

_came: list[int] = []


def leave_when_told() -> None:
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, _leave)


def unheeded() -> bytes:
    """The numbers of those that came all the same, for whoever has the handlers by now. What a handler raises
    is dropped where C calls Python and nobody waits: the import system has such a call for each module, the
    callback of a weak reference. Some modules, too, catch all that is raised in them."""
    return bytes(_came)


def _leave(number: int, frame: object) -> NoReturn:
    _came.append(number)
    raise SystemExit(0)
