"""How many CPUs this process may really use: the affinity mask and the cgroup's quota."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def granted_cpus() -> int:
    """At least 1."""
    granted = len(os.sched_getaffinity(0))
    try:
        quota, period = CGROUP_CPU_MAX.read_text().split()
    except (OSError, ValueError):
        return granted
    if quota == "max":
        return granted
    return max(1, min(granted, ceil(int(quota) / int(period))))
