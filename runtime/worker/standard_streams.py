"""Descriptors 0, 1 and 2 belong to the standard streams, also in a process that was started without them."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def occupy() -> None:
    """Open /dev/null for those that are closed. Else a socket gets the number, and whatever is written to
    stderr, by a child or a library in C, goes into it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # it gets the lowest number that is free
        os.set_inheritable(descriptor, True)  # as standard streams are
    os.close(descriptor)


def print_lines() -> None:
    """What is printed from now on goes out line by line, also into a file or a pipe: else nobody would see it
    before 8 KB of it, and what a killed child had printed last would be lost."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
