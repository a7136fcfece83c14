#!/usr/bin/env python
"""Kill, freeze and cut off workers and their Redis under load, and count what became of every task.

    python tools/chaos.py --minutes 2 --seed 7

starts a private Redis (AOF, synced at every write), two workers, and a load of numbered late-ack tasks.
Exit code 1 if a task is lost or stuck, or was executed twice without a cause, or if a worker is deaf after a
break of its connection, or ends though nothing was done that ends one.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.havoc import harms
from tools.havoc.fleet import COMMANDS
from tools.havoc.plan import Plan
from tools.havoc.run import Tell, run
from tools.havoc.server import binary


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without killing what it has started
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # ignored in the background of a shell, and inherited
    parser = _parser()
    given = vars(parser.parse_args())
    keep = given.pop("keep")
    seconds = given.pop("minutes") * 60
    plan = Plan(seconds=seconds, **{**given, "only": tuple(given["only"] or ())})
    if not harms.possible(plan):
        parser.error("none of these harms is possible there")
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    workers = f"{plan.workers} workers of {plan.slots} slots ({plan.peer}, {plan.pool})"
    print(f"seed {plan.seed}, {workers}; logs in {directory}")
    outcome = run(plan, directory, _progress())
    print(f"\n\n{outcome.text()}")
    if outcome.good and not keep:
        shutil.rmtree(directory)
    return 0 if outcome.good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="of harm, at least [2]")
    parser.add_argument(
        "--flows", action="store_true", help="chains of 3, and a chord of 20 for each 20 of them"
    )
    parser.add_argument("--tasks", type=int, default=0, help="go on until so many are sent")
    parser.add_argument("--harms", type=int, default=0, help="go on until so many are done")
    parser.add_argument("--kills", type=int, default=0, help="go on until so many of them were SIGKILLs")
    parser.add_argument("--seed", type=int, default=1, help="the same one does the same harm [1]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--url",
        help="a Redis that is running; it is not stopped, and only connections of these workers are cut",
    )
    where.add_argument(
        "--server", type=binary, help="binary of the private server: redis-server, valkey, or a path"
    )
    parser.add_argument("--workers", type=int, default=2, help="[2]")
    parser.add_argument("--pool", default="prefork", metavar="KIND", help="of each worker [prefork]")
    parser.add_argument("-c", "--slots", type=int, default=4, help="of each worker [4]")
    parser.add_argument("--processes", type=int, help="children over which its slots are spread")
    parser.add_argument("--peer", choices=sorted(COMMANDS), default="ours", help="whose workers [ours]")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between harms, on average [1]")
    parser.add_argument(
        "--absence", type=float, default=3.0, help="seconds that a worker stays away, at most [3]"
    )
    parser.add_argument("--lease", type=float, default=8.0, help="seconds [8]")
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        help="seconds without progress until the rest is given up [60]",
    )
    parser.add_argument(
        "--only", action="append", choices=harms.NAMES, help="this harm; may be repeated [all]"
    )
    parser.add_argument("--keep", action="store_true", help="logs and ledger, even if all is well")
    return parser


def _progress() -> Tell:
    """On one line of a terminal; elsewhere only what counts, at the end."""
    if not sys.stdout.isatty():
        return lambda line: None
    return lambda line: print(f"\r\033[K{line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
