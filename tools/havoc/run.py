"""One run: load and harm for a while, then peace until all is done, then the judgement."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from tools.havoc import harms, judge, rows
from tools.havoc.fleet import Fleet, Footprint
from tools.havoc.ledger import Ledger
from tools.havoc.load import Load
from tools.havoc.outcome import Outcome
from tools.havoc.plan import Plan
from tools.havoc.scene import Harm, Scene
from tools.havoc.server import GivenServer, PrivateServer, binary

TURN = 0.02
"""Seconds between looks at queue and workers."""
FRESH = 0.5
"""Seconds after a break in which a worker may begin what it had fetched before."""
DEAF = 5.0
"""Seconds after a break in which a worker has to begin something that it has fetched since."""
STOP_TIMEOUT = 30.0
"""Seconds for all workers to stop at the end."""

Tell = Callable[[str], None]
"""Shows a line of progress."""


def run(plan: Plan, directory: Path, tell: Tell) -> Outcome:
    """`directory`: for the ledger, the logs, and the private server's data."""
    queue = f"chaos-{uuid4().hex[:8]}"
    server = PrivateServer(directory, binary(plan.server)) if plan.url is None else GivenServer(plan.url)
    with (
        server,
        Fleet(plan, server.url, queue, directory) as fleet,
        closing(Ledger(directory / "ledger")) as ledger,
    ):
        load = Load(server, queue, plan.peer, random.Random(plan.seed), plan.flows)
        rng = random.Random(plan.seed)
        points = itertools.cycle(rng.sample(rows.ALL, len(rows.ALL)))
        turn = _Run(Scene(fleet, server, plan, rng, points), load, ledger, tell)
        turn.begin()
        before = fleet.footprints()
        turn.harm()
        turn.finish()
        after = fleet.footprints()
        exit_codes = fleet.stop(STOP_TIMEOUT)
        outcome = turn.judge(exit_codes, {name: (before[name], after[name]) for name in before})
        (directory / "harms").write_text("".join(f"{harm}\n" for harm in turn.harms))
        lives = [f"{worker.name} {life}\n" for worker in fleet.workers for life in worker.lives]
        (directory / "lives").write_text("".join(lives))
        load.clean_up()
    return outcome


class _Run:
    def __init__(self, scene: Scene, load: Load, ledger: Ledger, tell: Tell) -> None:
        self._scene = scene
        self._load = load
        self._ledger = ledger
        self._tell = tell
        self.harms: list[Harm] = []
        self.deaf: list[str] = []
        self._loading = True
        self._load_ended = float("inf")

    def begin(self) -> None:
        """Until every worker has done something, in its present life: one that was told to stop sooner
        might not have its handlers yet. Raises RuntimeError when one does nothing."""
        deadline = time.monotonic() + 60
        workers = self._scene.fleet.workers
        lives = self._ledger.lives
        while not all(worker.running() and (worker.name, worker.life) in lives for worker in workers):
            if time.monotonic() > deadline:
                logs = [worker.log.read_text() for worker in workers]
                raise RuntimeError("\n".join(["the workers do not start", *logs]))
            self._live(0.1)

    def harm(self) -> None:
        plan, rng = self._scene.plan, self._scene.rng
        end = time.monotonic() + plan.seconds
        while time.monotonic() < end or not self._is_enough():
            self._live(rng.uniform(0, 2 * plan.every))
            self._do(harms.choice(plan, rng))
        self.begin()
        self._loading, self._load_ended = False, time.monotonic()

    def _is_enough(self) -> bool:
        plan = self._scene.plan
        kills = sum(harm.kills for harm in self.harms)
        return len(self._load.sent) >= plan.tasks and len(self.harms) >= plan.harms and kills >= plan.kills

    def finish(self) -> None:
        """Until all is done, or nothing has been for long."""
        done, since = 0, time.monotonic()
        while self._load.sent - self._ledger.done and time.monotonic() - since < self._scene.plan.patience:
            self._live(0.1)
            if len(self._ledger.done) != done:
                done, since = len(self._ledger.done), time.monotonic()

    def judge(
        self, exit_codes: dict[str, int | None], footprints: Mapping[str, tuple[Footprint, Footprint]]
    ) -> Outcome:
        self._ledger.read()
        missing = self._load.sent - self._ledger.done
        stuck = self._load.stuck(self._load.sent)  # done and stuck is not settled: it would run again
        repeats = judge.repeats(self._ledger.executions, self.harms)
        lives = {worker.name: worker.lives for worker in self._scene.fleet.workers}
        return Outcome(
            sent=len(self._load.sent),
            doubtful=len(self._load.doubtful),
            done=len(self._ledger.done),
            lost=frozenset(missing - stuck),
            stuck=frozenset(stuck),
            repeats=repeats,
            recoveries=judge.recoveries(
                self._ledger.executions, self.harms, repeats, lives, self._load_ended
            ),
            harms=Counter(harm.name for harm in self.harms),
            kills=sum(harm.kills for harm in self.harms),
            deaf=self.deaf,
            fallen=judge.fallen(lives),
            footprints=footprints,
            exit_codes=exit_codes,
        )

    def _do(self, kind: Callable[[Scene], harms.Doing]) -> None:
        doing = kind(self._scene)
        while True:
            try:
                self._live(next(doing))
            except StopIteration as end:
                if end.value is not None:
                    self.harms.append(end.value)
                    self._listen(end.value)
                return

    def _listen(self, harm: Harm) -> None:
        """After a break of a connection: until each worker that lived through it begins something new, which
        it cannot have had before."""
        if harm.name not in harms.BREAKS:
            return
        concerned = {
            (worker.name, worker.life)
            for worker in self._scene.fleet.workers
            if harm.worker in ("", worker.name) and worker.running()
        } & self._worked_before(harm.at)
        end = time.monotonic() + DEAF
        while time.monotonic() < end and (concerned := concerned - self._at_work(harm.until + FRESH)):
            self._live(0.05)
        self.deaf += [f"{name} after {harm.name}" for name, _ in concerned]

    def _worked_before(self, moment: float) -> set[tuple[str, int]]:
        """Lives that had begun a task by then: others may have been booting."""
        return {(each.worker, each.life) for each in self._ledger.executions if each.started < moment}

    def _at_work(self, since: float) -> set[tuple[str, int]]:
        """Lives that have begun a task since then."""
        recent = itertools.takewhile(lambda each: each.started >= since, reversed(self._ledger.executions))
        return {(execution.worker, execution.life) for execution in recent}

    def _live(self, seconds: float) -> None:
        """Let the world turn."""
        end = time.monotonic() + seconds
        while True:
            if self._loading:
                self._load.top_up()
            self._scene.fleet.tend(self._scene.rng)
            self._ledger.read()
            self._tell(
                f"sent {len(self._load.sent)}  done {len(self._ledger.done)}  "
                f"started {len(self._ledger.executions)}  harms {len(self.harms)}  "
                f"last: {self.harms[-1].name if self.harms else '-'}"
            )
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(TURN, left))
