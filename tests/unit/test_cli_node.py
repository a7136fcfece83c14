from __future__ import annotations

import os

import pytest

from runtime.errors import ImproperlyConfigured
from runtime.worker.node import expand_file, expand_node

HOST = os.uname().nodename
FIRST, _, DOMAIN = HOST.partition(".")


@pytest.mark.parametrize(
    ("pattern", "node"),
    [
        ("celery@%h", f"celery@{HOST}"),
        ("w1", f"w1@{HOST}"),
        ("w1@", f"w1@{HOST}"),
        ("@box", "celery@box"),
        ("a@b@box", "a@b@box"),
        ("w-%n@%h", f"w-{FIRST}@{HOST}"),
        ("w@%d", f"w@{DOMAIN}"),
        ("w%%@box", "w%@box"),
    ],
)
def test_node_names_are_expanded_as_celery_does(pattern: str, node: str) -> None:
    assert expand_node(pattern) == node


def test_log_files_are_named_after_the_node() -> None:
    assert (
        expand_file("/logs/%n-%h.%d.log", "w1@box.example.org") == "/logs/w1-box.example.org.example.org.log"
    )


@pytest.mark.parametrize("pattern", ["w@%x", "w@box%"])
def test_unknown_placeholders_are_refused_by_name(pattern: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="unknown placeholder '%"):
        expand_node(pattern)
