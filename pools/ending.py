"""Why a child ended, in one word: for those who count."""

from __future__ import annotations

from pools.child_handle import ChildHandle

CAUSES = (
    "time_limit",
    "boot",
    "died",
    "died_idle",
    "max_tasks",
    "alone",
    "max_memory",
    "max_lifetime",
    "reload",
    "shrink",
)


def cause(child: ChildHandle, current: bool) -> str:
    """One of CAUSES. current: it came from the fork server that is in use."""
    if any(limit is not None for limit in child.culprits.values()):
        return "time_limit"
    if not child.ready:
        return "boot"
    if child.running:
        return "died"
    if child.leave_by is None:
        return "died_idle"
    if child.lone:
        return "alone"
    if not child.budget:
        return "max_tasks"
    if child.worn is not None:
        return child.worn
    return "shrink" if current else "reload"
