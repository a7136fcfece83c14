"""Our worker and a stock Celery worker on one queue: neither takes what the other has, however long it has
it, and each goes on with what the other leaves behind when it is killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tools.havoc import judge, ledger
from tools.havoc.fleet import COMMANDS, ROOT, Worker
from tools.havoc.judge import Repeat
from tools.havoc.ledger import Ledger
from tools.havoc.load import Load
from tools.havoc.scene import Harm
from tools.havoc.server import PrivateServer

LEASE = 3.0
STEADY = 4.0
"""Seconds of load between two kills."""
LAST_BREATH = 0.1
"""Seconds in which children follow a killed worker; they may begin a task meanwhile."""
PATIENCE = 60.0
"""Seconds for anything that is waited for; beside the visibility timeout."""
OURS, CELERY = "ours", "celery"


class Shared(NamedTuple):
    """What came of it."""

    sent: int
    lost: frozenset[int]
    stuck: frozenset[int]
    long_runs: list[tuple[str, int]]
    """Of the long task and of the one with the long countdown: who began it and how often."""
    runs: dict[str, int]
    """How many tasks each system has begun."""
    repeats: list[Repeat]

    @property
    def good(self) -> bool:
        # Once it is due, a worker of ours that finds every slot busy for long leaves it to the other.
        once = self.long_runs in ([(OURS, 1), (OURS, 1)], [(OURS, 1), (CELERY, 1)])
        return once and not (self.lost or self.stuck or [each for each in self.repeats if not each.cause])

    def text(self) -> str:
        task, countdown = (f"{count} x by {who}" for who, count in self.long_runs)
        unexplained = sum(each.cause is None for each in self.repeats)
        return (
            f"the long task       {task}\n"
            f"the long countdown  {countdown}\n"
            f"sent {self.sent}, begun by {', '.join(f'{who}: {count}' for who, count in self.runs.items())}\n"
            f"lost {len(self.lost)}, stuck {len(self.stuck)}, "
            f"executed twice {len(self.repeats)}, without a cause {unexplained}"
        )


def share(server: PrivateServer, directory: Path, long: float, visibility: int, swaps: int) -> Shared:
    """`long`: seconds of a task and of a countdown; `swaps`: how often each one is killed."""
    with server, closing(Ledger(directory / "ledger")) as entries:
        load = Load(server, "shared", CELERY, random.Random(1))  # tasks that both know
        run = _Sharing(server, load, entries, directory, visibility)
        try:
            numbers = run.hold_for_long(long)
            for who in (OURS, CELERY) * swaps:
                run.swap(who)
            run.finish(visibility)
            return run.judge(numbers)
        finally:
            run.end()
            load.clean_up()


class _Sharing:
    def __init__(
        self, server: PrivateServer, load: Load, entries: Ledger, directory: Path, visibility: int
    ) -> None:
        self._server = server
        self._load = load
        self._ledger = entries
        self._harms: list[Harm] = []
        environment = {
            "HAVOC_URL": server.url,
            "HAVOC_LEASE": str(LEASE),
            "HAVOC_VISIBILITY": str(visibility),
            ledger.FILE: str(entries.path),
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
        }
        self._workers = {
            name: Worker(
                name,
                COMMANDS[name].format(pool="prefork", slots=4, name=name, queue="shared"),
                environment,
                directory / f"{name}.log",
                absence=0.0,
            )
            for name in (OURS, CELERY)
        }

    def hold_for_long(self, seconds: float) -> list[int]:
        """Ours has them before Celery's is there, and both work beside it."""
        self._workers[OURS].start()
        numbers = [self._load.add(seconds), self._load.add(0.0, countdown=seconds)]
        self._until(lambda: self._server.client.hlen("unacked") == 2, loading=False)
        self._workers[CELERY].start()
        self._until(lambda: self._has_worked(CELERY))
        self._until(lambda: self._ledger.done.issuperset(numbers), PATIENCE + seconds)
        return numbers

    def swap(self, who: str) -> None:
        """Killed under load; the other goes on, and then both again."""
        worker = self._workers[who]
        end = time.monotonic() + STEADY
        self._until(lambda: time.monotonic() > end)
        at = time.monotonic()
        if who == CELERY:
            self._until(self._celery_has_nothing_in_hand)
        os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        died = time.monotonic() + LAST_BREATH
        self._harms.append(Harm(f"kill {who}", at, died, True, who, worker.life, struck=at))
        end = time.monotonic() + STEADY
        self._until(lambda: time.monotonic() > end)
        worker.start()
        self._until(lambda: self._has_worked(who))

    def finish(self, visibility: int) -> None:
        self._until(
            lambda: not self._load.sent - self._ledger.done and not self._server.client.hlen("unacked"),
            PATIENCE + 2 * visibility,
            loading=False,
        )

    def judge(self, long: list[int]) -> Shared:
        executions = self._ledger.executions
        stuck = self._load.stuck(self._load.sent)
        of_long = [[each for each in executions if each.number == number] for number in long]
        return Shared(
            sent=len(self._load.sent),
            lost=frozenset(self._load.sent - self._ledger.done - stuck),
            stuck=frozenset(stuck),
            long_runs=[(runs[0].worker if runs else "nobody", len(runs)) for runs in of_long],
            runs={who: sum(each.worker == who for each in executions) for who in self._workers},
            repeats=judge.repeats(executions, self._harms),
        )

    def end(self) -> None:
        for worker in self._workers.values():
            if worker.lives and worker.running():
                os.killpg(worker.process.pid, signal.SIGKILL)
                worker.process.wait()

    def _has_worked(self, who: str) -> bool:
        return (who, self._workers[who].life) in self._ledger.lives

    def _celery_has_nothing_in_hand(self) -> bool:
        """It first pops a message and then notes that it has it: killed in between, it loses it for good,
        which is not what is asked here. If so, its main process is left stopped, to be killed."""
        process = self._workers[CELERY].process
        process.send_signal(signal.SIGSTOP)
        missing = self._load.sent - self._ledger.done
        somewhere = self._load.stuck(missing)
        self._ledger.read()
        if missing <= somewhere | self._ledger.done:
            return True
        process.send_signal(signal.SIGCONT)
        return False

    def _until(self, condition: Callable[[], bool], patience: float = PATIENCE, loading: bool = True) -> None:
        """Under load. Goes on after `patience` seconds: the judgement tells what is wrong."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            self._ledger.read()
            if condition():
                return
            if loading:
                self._load.top_up()
            time.sleep(0.02)
