"""Node names and names of files with their placeholders replaced, as Celery does."""

from __future__ import annotations

import os
import re

from runtime.errors import ImproperlyConfigured


def default_node() -> str:
    return "celery@%h"


def expand_node(pattern: str) -> str:
    """`w1` and `w1@%h` are both `w1@box.example.org` on that host: %h is the host's name, %n its
    first part, %d the rest. Raises ImproperlyConfigured for any other placeholder, and for no name."""
    if not pattern:
        raise ImproperlyConfigured("the name of a node must not be empty")
    host = os.uname().nodename
    name, _, place = pattern.rpartition("@") if "@" in pattern else (pattern, "", "")
    return _replace(f"{name or 'celery'}@{place or host}", host, host.partition(".")[0])


def expand_file(pattern: str, node: str) -> str:
    """`/var/log/%n.log` is `/var/log/w1.log` for the node w1@box: %n is the node's own name, %h
    and %d are of its host. Raises ImproperlyConfigured for any other placeholder."""
    name, _, host = node.rpartition("@")
    return _replace(pattern, host, name)


def _replace(pattern: str, host: str, name: str) -> str:
    values = {"h": host, "n": name, "d": host.partition(".")[2], "%": "%"}

    def value(placeholder: re.Match[str]) -> str:
        if placeholder[1] not in values:
            raise ImproperlyConfigured(
                f"{pattern!r} has the unknown placeholder {placeholder[0]!r}; there are %h, %n, %d and %%"
            )
        return values[placeholder[1]]

    return re.sub(r"%(.?)", value, pattern)
