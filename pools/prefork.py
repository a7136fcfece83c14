"""The prefork pool: as many processes as slots, each runs one job at a time."""

from __future__ import annotations

from pools.interface import ChildOptions
from pools.pool import ChildPool
from pools.respawn import Backoff


class PreforkPool(ChildPool):
    def __init__(self, slots: int, options: ChildOptions, backoff: Backoff = Backoff()) -> None:  # noqa: B008
        super().__init__(slots, options, "pools.prefork_child:serve", backoff)
