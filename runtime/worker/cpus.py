"""How many CPUs this process may really use: the affinity mask and the quotas of its cgroups."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from math import ceil, inf
from pathlib import Path


def granted_cpus(root: Path = Path("/")) -> int:
    """At least 1. A part of a CPU counts as one: 1.5 is 2, for a slot that waits uses none.

    root: where `proc` and `sys` are found.
    """
    granted = float(len(os.sched_getaffinity(0)))
    for quota in _quotas(root):
        granted = min(granted, quota)
    return max(1, ceil(granted))


def _quotas(root: Path) -> Iterator[float]:
    """CPUs that each cgroup of this process grants, where it has a bound (cgroups(7)). Any above it may
    have a narrower one."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if not controllers:
            mount, quota = root / "sys/fs/cgroup", _quota_2
        elif "cpu" in controllers.split(","):
            mount, quota = root / "sys/fs/cgroup/cpu", _quota_1
        else:
            continue
        group = mount / path.strip("/")
        for each in (group, *group.parents):
            if each == mount or mount in each.parents:
                # In a container the path may be the host's, where there is nothing to be seen from here.
                with contextlib.suppress(OSError, ValueError):
                    yield quota(each)


def _quota_2(group: Path) -> float:
    """cpu.max: `QUOTA PERIOD` in microseconds, or `max PERIOD`."""
    quota, period = (group / "cpu.max").read_text().split()
    return inf if quota == "max" else int(quota) / int(period)


def _quota_1(group: Path) -> float:
    """-1: no bound."""
    quota = int((group / "cpu.cfs_quota_us").read_text())
    return inf if quota < 0 else quota / int((group / "cpu.cfs_period_us").read_text())
