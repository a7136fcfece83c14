"""The Lua scripts, and the commands that run them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

import hiredis

Argument = str | bytes | int | float
Command = tuple[Argument, ...]

_FOLDER = Path(__file__).parent / "lua"


class Script(NamedTuple):
    text: str
    digest: str

    def load(self) -> Command:
        return ("SCRIPT", "LOAD", self.text)

    def call(self, *arguments: Argument, keys: Sequence[str] = ()) -> Command:
        """EVALSHA: whoever sends it has loaded the script on the same connection."""
        return ("EVALSHA", self.digest, len(keys), *keys, *arguments)


def pack(command: Command) -> bytes:
    """As it goes over the wire."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub: tuples of one
    return packed


def _read(*names: str) -> Script:
    text = "\n".join((_FOLDER / f"{name}.lua").read_text() for name in names)
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


TAKE = _read("step", "take")
SETTLE = _read("step", "document", "trim", "chord", "settle")
HOLD = _read("step", "hold")
ROUSE = _read("rouse")
ENTER = _read("enter")
RENEW = _read("renew")
BURY = _read("bury")
READ = _read("read")
RESTORE = _read("restore")
REFRESH = _read("refresh")
RELEASE = _read("release")
MEASURE = _read("measure")
LOOK = _read("look")
SIFT = _read("sift")
WRITE = _read("document", "chord", "write")
EXPIRE = _read("trim", "expire")
RETRY = _read("retry")
REPLY = _read("reply")

OF_BROKER = (
    *(TAKE, SETTLE, HOLD, ROUSE, ENTER, RENEW, BURY, READ, RESTORE, REFRESH, RELEASE, MEASURE, LOOK, SIFT),
)
OF_RESULTS = (WRITE,)
