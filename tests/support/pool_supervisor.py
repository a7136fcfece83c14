"""A supervisor to be killed: half of its children are idle, half run jobs that never end. Prints the
pids of its descendants.

Arguments: the kind of pool, the number of slots.
"""

from __future__ import annotations

import sys
import time

import psutil

from tests.support.pool_driver import driven


def main(kind: str, slots: int) -> None:
    with driven(kind, slots) as driver:
        driver.until_started(*driver.begin(*["sleep 600"] * (slots // 2)))
        driver.until_idle(slots - slots // 2)
        print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
        while True:
            driver.turn(1.0)
            time.sleep(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
