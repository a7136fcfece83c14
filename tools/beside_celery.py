#!/usr/bin/env python
"""Put a worker and a stock Celery worker on one queue, and see that they do not harm each other.

    python tools/beside_celery.py --long 60 --visibility 10 --swaps 3

Our worker holds a long task and a long countdown for many visibility timeouts while both work on a load; then
each is killed under load, in turn, and the other goes on. Exit code 1 if the long ones were not executed
exactly once, or a task is lost or stuck, or was executed twice without a cause.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.havoc.server import PrivateServer, binary
from tools.havoc.sharing import share


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without killing what it has started
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", type=float, default=60.0, help="seconds of the long ones [60]")
    parser.add_argument(
        "--visibility",
        type=int,
        default=10,
        help="timeout, in seconds; from 6 on: Celery repeats countdowns of its own that are longer [10]",
    )
    parser.add_argument("--swaps", type=int, default=3, help="kills of each worker [3]")
    parser.add_argument(
        "--server", type=binary, help="binary of the private server: redis-server, valkey, or a path"
    )
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="sharing-"))
    server = PrivateServer(directory, binary(arguments.server))
    shared = share(server, directory, arguments.long, arguments.visibility, arguments.swaps)
    print(shared.text())
    if not shared.good:
        print(f"logs in {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
