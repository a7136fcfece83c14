"""A program in a pseudo-terminal, and what a person sees there."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

from tests.support.waiting import wait_until
from tests.support.worker import ROOT

COLUMNS, LINES = 200, 40


class Terminal:
    """A context manager: leaving it kills what still runs there."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._own, theirs = os.openpty()
        size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **size, **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.text())
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def text(self) -> str:
        """The screen at present."""
        while select.select([self._own], [], [], 0.05)[0]:
            try:
                self._stream.feed(os.read(self._own, 65536))
            except OSError:  # what ran there has ended
                break
        return "\n".join(line.rstrip() for line in self._screen.display)

    def line_with(self, text: str) -> str:
        """The line that shows it, once one does."""
        return wait_until(lambda: next((line for line in self.text().splitlines() if text in line), ""), 15)

    def shows(self, text: str) -> None:
        self.line_with(text)

    def press(self, keys: str) -> None:
        os.write(self._own, keys.encode())
