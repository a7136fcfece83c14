"""The ways to break things. Each is a generator: it breaks, yields how many seconds to let things be as
they are, undoes what must be undone, and returns what it has done; None: nothing was there to break."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Generator

import psutil

from tools.havoc import rows
from tools.havoc.plan import Plan
from tools.havoc.scene import Harm, Scene, Victim
from tools.havoc.server import PrivateServer

PAST_LEASE = "freeze past lease"
BREAKS = ("cut connections", "kill server", "term server", "freeze server")
STOP_PATIENCE = 5.0
"""Seconds that a worker which was told to stop may take: longer than any task."""
ROW_PATIENCE = 8.0
"""Seconds in which a worker reaches the point where it is to kill itself: longer than any countdown."""
CHILD_ROW_SECONDS = 4.0
"""For which the children of a worker kill themselves."""

Doing = Generator[float, None, Harm | None]


# Children -------------------------------------------------------------------------------------------


def kill_child(scene: Scene) -> Doing:
    return (yield from _signal_child(scene, "kill child", signal.SIGKILL, reruns=True, kills=True))


def term_child(scene: Scene) -> Doing:
    """Our children ignore it; Celery's die."""
    return (yield from _signal_child(scene, "term child", signal.SIGTERM, reruns=scene.plan.peer != "ours"))


def freeze_child(scene: Scene) -> Doing:
    at, victim = time.monotonic(), scene.victim()
    child = scene.child(victim) if victim is not None else None
    if victim is None or child is None or not _send(child, signal.SIGSTOP):
        return None
    yield scene.rng.uniform(0.1, 2.0)
    _send(child, signal.SIGCONT)
    return victim.suffered("freeze child", at, pid=child.pid)


def kill_fork_server(scene: Scene) -> Doing:
    """Its children may go with it."""
    at, victim = time.monotonic(), scene.victim()
    maker = scene.child(victim, makes_others=True) if victim is not None else None
    if victim is None or maker is None or not _send(maker, signal.SIGKILL):
        return None
    yield 0.1
    return victim.suffered("kill fork server", at, reruns=True, kills=True)


# Workers --------------------------------------------------------------------------------------------


def kill_supervisor(scene: Scene) -> Doing:
    at, victim = time.monotonic(), scene.victim()
    if victim is None:
        return None
    victim.kill()
    yield 0.1
    return victim.suffered("kill supervisor", at, reruns=True, kills=True)


def kill_at_row(scene: Scene) -> Doing:
    """A worker is replaced by one that kills itself at a row of the message table. Ours only."""
    victim = scene.victim()
    if victim is None:
        return None
    victim.worker.stop_at = point = next(scene.points)
    stopped = yield from _term(victim)
    if stopped.kills:
        victim.worker.stop_at = ""
        return stopped
    while victim.worker.life == victim.life:
        yield 0.05
    doomed, at = Victim(victim.worker, victim.worker.life), victim.worker.lives[-1].began
    _, _, row = point.partition(":")
    if point in rows.CHILD:
        reached = yield from _children_end(doomed, CHILD_ROW_SECONDS)
        doomed.kill()
        name = f"kill {'at' if reached else 'before'} {row}"
        return doomed.suffered(name, at, reruns=True, struck=0.0, kills=True)
    yield from _while_it_lives(doomed, ROW_PATIENCE)
    if not doomed.lives():
        return doomed.suffered(f"kill at {row}", at, reruns=True, struck=time.monotonic(), kills=True)
    doomed.kill()
    return doomed.suffered(f"kill before {row}", at, reruns=True, kills=True, struck=time.monotonic())


def term_supervisor(scene: Scene) -> Doing:
    """A warm shutdown: what runs ends there. One that is too slow is killed, and counted apart."""
    victim = scene.victim()
    return None if victim is None else (yield from _term(victim))


def quit_supervisor(scene: Scene) -> Doing:
    """A cold shutdown: what runs is killed and given back."""
    at, victim = time.monotonic(), scene.victim()
    if victim is None:
        return None
    victim.signal(signal.SIGQUIT)
    yield from _while_it_lives(victim, STOP_PATIENCE)
    slow = victim.lives()
    victim.kill()
    return victim.suffered("quit, too slow, kill" if slow else "quit supervisor", at, reruns=True, kills=slow)


def freeze_supervisor(scene: Scene) -> Doing:
    """For less than its lease: it still owns what it had."""
    seconds = scene.rng.uniform(0.1, scene.plan.lease / 2)
    return (yield from _freeze(scene, "freeze supervisor", seconds, reruns=False))


def freeze_past_lease(scene: Scene) -> Doing:
    """Others get its messages; its children go on with theirs."""
    return (yield from _freeze(scene, PAST_LEASE, scene.plan.lease * 1.5, reruns=True))


def cut_connections(scene: Scene) -> Doing:
    """All of one worker."""
    at, victim = time.monotonic(), scene.victim()
    if victim is None:
        return None
    client = scene.server.client
    connections = [each["id"] for each in client.client_list() if each["name"] == victim.worker.client_name]
    if not sum(client.client_kill_filter(_id=connection) for connection in connections):
        return None
    yield 0.05
    return victim.suffered("cut connections", at)


# The server -----------------------------------------------------------------------------------------


def kill_server(scene: Scene) -> Doing:
    return (yield from _restart_server(scene, "kill server", signal.SIGKILL))


def term_server(scene: Scene) -> Doing:
    return (yield from _restart_server(scene, "term server", signal.SIGTERM))


def freeze_server(scene: Scene) -> Doing:
    assert isinstance(scene.server, PrivateServer)
    at = time.monotonic()
    scene.server.stop()
    yield scene.rng.uniform(0.1, 2.0)
    scene.server.resume()
    return Harm("freeze server", at, time.monotonic())


# Choosing -------------------------------------------------------------------------------------------

WEIGHTS: dict[Callable[[Scene], Doing], int] = {
    kill_child: 12,
    term_child: 2,
    freeze_child: 3,
    kill_fork_server: 1,
    kill_supervisor: 6,
    kill_at_row: 2,
    term_supervisor: 4,
    quit_supervisor: 2,
    freeze_supervisor: 3,
    freeze_past_lease: 1,
    cut_connections: 5,
    kill_server: 3,
    term_server: 1,
    freeze_server: 2,
}
"""How often each is done, against the others."""
OF_SERVER = (kill_server, term_server, freeze_server)
OF_OURS = (kill_at_row,)
NAMES = tuple(harm.__name__ for harm in WEIGHTS)


def possible(plan: Plan) -> list[Callable[[Scene], Doing]]:
    """Those that the plan allows."""
    return [
        harm
        for harm in WEIGHTS
        if (not plan.only or harm.__name__ in plan.only)
        and (plan.url is None or harm not in OF_SERVER)
        and (plan.peer == "ours" or harm not in OF_OURS)
    ]


def choice(plan: Plan, rng: random.Random) -> Callable[[Scene], Doing]:
    found = possible(plan)
    return rng.choices(found, [WEIGHTS[harm] for harm in found])[0]


def _signal_child(
    scene: Scene, name: str, number: signal.Signals, *, reruns: bool, kills: bool = False
) -> Doing:
    at, victim = time.monotonic(), scene.victim()
    child = scene.child(victim) if victim is not None else None
    if victim is None or child is None or not _send(child, number):
        return None
    yield 0.02
    return victim.suffered(name, at, reruns=reruns, pid=child.pid, kills=kills)


def _restart_server(scene: Scene, name: str, number: signal.Signals) -> Doing:
    assert isinstance(scene.server, PrivateServer)
    at = time.monotonic()
    scene.server.end(number)
    yield scene.rng.choice((0.0, scene.rng.uniform(0, 2.0)))
    scene.server.start()
    return Harm(name, at, time.monotonic(), kills=number == signal.SIGKILL)


def _freeze(scene: Scene, name: str, seconds: float, *, reruns: bool) -> Doing:
    at, victim = time.monotonic(), scene.victim()
    if victim is None:
        return None
    victim.signal(signal.SIGSTOP)
    yield seconds
    victim.signal(signal.SIGCONT)
    return victim.suffered(name, at, reruns=reruns)


def _term(victim: Victim) -> Generator[float, None, Harm]:
    at = time.monotonic()
    victim.signal(signal.SIGTERM)
    yield from _while_it_lives(victim, STOP_PATIENCE)
    if not victim.lives():
        return victim.suffered("term supervisor", at)
    victim.kill()
    return victim.suffered("term, too slow, kill", at, reruns=True, kills=True)


def _while_it_lives(victim: Victim, patience: float) -> Generator[float, None, None]:
    end = time.monotonic() + patience
    while victim.lives() and time.monotonic() < end:
        yield 0.05


def _children_end(victim: Victim, seconds: float) -> Generator[float, None, bool]:
    """Whether any does."""
    end, seen = time.monotonic() + seconds, set[psutil.Process]()
    while time.monotonic() < end:
        seen.update(victim.worker.descendants())
        yield 0.1
    return not seen.issubset(victim.worker.descendants())


def _send(process: psutil.Process, number: signal.Signals) -> bool:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True
