"""Settings that make no sense together are refused before anything has started."""

from __future__ import annotations

import sys

import pytest

from runtime import App
from runtime.errors import ImproperlyConfigured
from runtime.worker.options import WorkerOptions
from runtime.worker.plan import plan


def test_a_serializer_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("planned", set_as_current=False, accept_content=["json", "application/x-msgpack"])
    plan(app, WorkerOptions("proj", "w@h"))
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(ImproperlyConfigured, match=r"'msgpack' needs a package: .*worker-runtime\[msgpack\]"):
        plan(app, WorkerOptions("proj", "w@h"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"worker_lease_renewal": 8}, "must be shorter than worker_lease, 8 s; it is 8 s"),
    ],
)
def test_a_lease_is_renewed_before_it_ends(settings: dict[str, float], reason: str) -> None:
    app = App("planned", set_as_current=False)
    app.conf.update(settings)
    with pytest.raises(ImproperlyConfigured, match=reason):
        plan(app, WorkerOptions("proj", "w@h"))
