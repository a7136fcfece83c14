"""What jobs of every pool may use: libraries that hold connections, locks or threads of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pools.interface import Finished
from pools.kinds import BY_NAME
from tests.support import openmp
from tests.support.pool_driver import KINDS, driven
from tests.support.postgres import Postgres
from tests.support.servers import ONE, Server

BOOT = "tests.support.pool_libraries:boot"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def shouts(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Jobs that answer in capitals."""
    jobs = ["run_event_loop", "fetch_over_http", "fetch_by_pool", "use_sqlite", "use_numpy"]
    jobs.append(f"use_postgres_in_loop {postgres.address}:")
    if openmp.COMPILER is not None:
        jobs.append(f"use_openmp {openmp.library(tmp_path_factory.mktemp('openmp'))}:")
    return [job if job.endswith(":") else f"{job} " for job in jobs]


@pytest.mark.parametrize("kind", KINDS)
def test_libraries_work_after_the_fork(kind: str, shouts: list[str], postgres: Postgres) -> None:
    with Server(ONE) as server, driven(kind, slots=4, processes=2, boot=BOOT) as driver:
        for job in shouts:
            if "loop" in job and "event_loops" in BY_NAME[kind].cannot:
                assert driver.answer(f"{job}abc") == b"ABC"
                continue
            ends = driver.run(*[f"{job}abc"] * 8, depth=4)
            assert [getattr(end, "payload", end) for end in ends] == [b"ABC"] * 8
        for job in (f"use_redis {server.socket}", f"use_postgres {postgres.address}"):
            ends = driver.run(*[job] * 40, depth=4)
            numbers = sorted(int(end.payload) for end in ends if isinstance(end, Finished))
            assert numbers == list(range(numbers[0], numbers[0] + 40))
