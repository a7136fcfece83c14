"""What is measured, and how. Each trial sets up a rig of its own and returns its figures by name."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import tree
from bench.peers import Peer
from bench.rig import Rig, rig
from bench.server import Monitor

PATIENCE = 180.0
"""Seconds that a run of queued tasks may take."""
AFTERMATH = 0.5
"""Seconds given to what follows the last start: its result, its acknowledgement."""
MEGABYTE = 1_000_000

Figures = dict[str, float | None]


def ignored(peer: Peer, tasks: int) -> Figures:
    """No-ops queued beforehand, results ignored."""
    return _drain(peer, tasks, results=False)


def stored(peer: Peer, tasks: int) -> Figures:
    """The same with results stored."""
    return _drain(peer, tasks, results=True)


def _drain(peer: Peer, tasks: int, results: bool) -> Figures:
    """rate: tasks a second between the first start and the last. cpu: seconds of the worker's tree
    for each 1,000 tasks, from the first start until all is acknowledged, boot excluded."""
    suffix = "_stored" if results else ""
    with rig(peer, results) as set_up:
        set_up.client("fill", tasks)
        set_up.start_worker()
        set_up.wait(lambda: bool(set_up.marks.starts(tasks)), 30, "no task starts")
        boot = tree.cpu_seconds(set_up.pid)
        _wait_for_all(set_up, tasks)
        starts = set_up.marks.starts(tasks)
        time.sleep(AFTERMATH)
        used = tree.cpu_seconds(set_up.pid) - boot
    return {
        f"rate{suffix}": (tasks - 1) / (max(starts) - min(starts)) * 1e9,
        f"cpu{suffix}": used / tasks * 1000,
    }


def commands(peer: Peer, tasks: int) -> Figures:
    """Redis commands a task on the wire under load, a script call counted as one, all that the
    worker sends while it works off a full queue; see Monitor."""
    return {
        f"commands{suffix}": _commands(peer, tasks // 2, results)
        for suffix, results in (("", False), ("_stored", True))
    }


def _commands(peer: Peer, tasks: int, results: bool) -> float:
    with rig(peer, results) as set_up:
        set_up.client("fill", tasks)
        with Monitor(set_up.server) as monitor:
            set_up.start_worker()
            _wait_for_all(set_up, tasks)
            time.sleep(AFTERMATH)
        return monitor.total / tasks


def idle(peer: Peer, seconds: int) -> Figures:
    """A worker with one task to begin with, and then none for so many seconds. boot: seconds from
    exec to that task's start. pss: MB of the tree. connections. idle_commands: on the wire, a second.
    idle_cpu: per cent of one CPU."""
    with rig(peer, results=True) as set_up:
        set_up.client("fill", 1)
        executed = set_up.start_worker()
        set_up.wait(lambda: set_up.marks.at(0) > 0, 30, "no task starts")
        settle_down(set_up)
        used = tree.scheduled_seconds(set_up.pid)
        with Monitor(set_up.server) as monitor:
            time.sleep(seconds)
        return {
            "boot": (set_up.marks.at(0) - executed) / 1e9,
            "idle_cpu": (tree.scheduled_seconds(set_up.pid) - used) / seconds * 100,
            "idle_commands": monitor.total / seconds,
            "connections": set_up.server.connections(),
            "pss": tree.pss(set_up.pid) / MEGABYTE,
        }


def latency(peer: Peer, tasks: int) -> Figures:
    """Lone tasks for an idle worker, ms. start: from before the send to the task's start. trip: to
    the result in the sender's hand."""
    with rig(peer, results=True) as set_up:
        set_up.start_worker()
        start = set_up.client("lone", tasks)
        trip = set_up.client("round_trip", tasks)
    return {"start_p50": start[0], "start_p99": start[1], "trip_p50": trip[0], "trip_p99": trip[1]}


def at_once(peer: Peer, tasks: int) -> Figures:
    """seconds: of tasks queued beforehand, from the first start until all are acknowledged."""
    with rig(peer, results=False) as set_up:
        set_up.client("fill", tasks)
        set_up.start_worker()
        _wait_for_all(set_up, tasks)
        set_up.wait(lambda: set_up.server.unacked() == 0, PATIENCE, f"does not end {tasks} tasks")
        return {"seconds": (time.monotonic_ns() - min(set_up.marks.starts(tasks))) / 1e9}


def sending(peer: Peer, tasks: int) -> Figures:
    """Sends a second of one client, no worker running, results ignored: one by one, many at once."""
    with rig(peer, results=False) as set_up:
        return {"send": set_up.client("one_by_one", tasks), "send_many": set_up.client("many", tasks * 10)}


def holding(peer: Peer, tasks: int) -> Figures:
    """MB that the worker's tree grows by when it holds tasks due tomorrow, for 100,000 of them."""
    if not peer.held:
        return {"held": None}
    with rig(peer, results=False) as set_up:
        set_up.client("fill", 1)
        set_up.start_worker()
        set_up.wait(lambda: set_up.marks.at(0) > 0, 30, "no task starts")
        settle_down(set_up)
        before = tree.pss(set_up.pid)
        set_up.client("later", tasks)
        set_up.wait(lambda: set_up.server.waiting("celery") == 0, PATIENCE, "does not take the tasks")
        settle_down(set_up)
        return {"held": (tree.pss(set_up.pid) - before) / MEGABYTE * 100_000 / tasks}


def _wait_for_all(set_up: Rig, tasks: int) -> None:
    set_up.wait(lambda: set_up.marks.all_started(tasks), PATIENCE, f"does not run {tasks} tasks")


def settle_down(set_up: Rig) -> None:
    """Until the tree uses less than a tenth of a CPU for a second, with the same processes."""

    def quiet() -> bool:
        before, used = tree.members(set_up.pid), tree.scheduled_seconds(set_up.pid)
        time.sleep(1)
        return tree.members(set_up.pid) == before and tree.scheduled_seconds(set_up.pid) - used < 0.1

    set_up.wait(quiet, PATIENCE, "does not come to rest")


Trial = Callable[[Peer, int], Figures]
