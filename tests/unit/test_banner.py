from __future__ import annotations

import pytest

from runtime.worker.banner import results

REDIS = "redis://localhost/0"


@pytest.mark.parametrize(
    ("broker", "backend", "local"),
    [
        (REDIS, "embedded://", True),
        ("embedded://", "embedded://", False),
        (REDIS, REDIS, False),
        ("embedded://", REDIS, False),
        (REDIS, None, False),
    ],
)
def test_results_that_other_hosts_cannot_read_are_told(broker: str, backend: str | None, local: bool) -> None:
    assert ("another host" in results(broker, backend)) is local
