"""How many CPUs a process is granted. The files are as Docker, Kubernetes and systemd lay them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.worker.cpus import granted_cpus

PLENTY = frozenset(range(64))


@pytest.fixture(autouse=True)
def on_a_large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: PLENTY)


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_cgroups_it_is_the_affinity_mask(tmp_path: Path) -> None:
    assert granted_cpus(tmp_path) == 64


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("max 100000", 64),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("7000000 1000", 64),
    ],
)
def test_version_2_in_a_container(tmp_path: Path, quota: str, cpus: int) -> None:
    root = lay_out(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{quota}\n"})
    assert granted_cpus(root) == cpus


def test_version_2_in_a_service_the_narrowest_bound_counts(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/worker.service\n",
            "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/system.slice/worker.service/cpu.max": "max 100000\n",
        },
    )
    assert granted_cpus(root) == 3


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 64), ("250000", 3), ("20000", 1)])
def test_version_1_in_a_container_that_sees_the_hosts_path(tmp_path: Path, quota: str, cpus: int) -> None:
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": f"{quota}\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert granted_cpus(root) == cpus


def test_the_affinity_mask_may_be_the_narrower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    root = lay_out(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"})
    assert granted_cpus(root) == 1


def test_what_cannot_be_read_is_no_bound(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "?\n"})
    assert granted_cpus(root) == 64
