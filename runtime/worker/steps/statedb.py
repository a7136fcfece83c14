"""StateDB: what is remembered across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.bootsteps.step import Parts, Step
from runtime.worker.plan import Plan

if TYPE_CHECKING:
    from runtime.worker.statedb import StateDB


class StateDBStep(Step["StateDB"]):
    name = "StateDB"

    def enabled(self, plan: Plan) -> bool:
        return plan.statedb is not None

    def start(self, parts: Parts) -> StateDB:
        from runtime.worker.statedb import StateDB  # most workers have none, and no use for sqlite

        assert parts.plan.statedb is not None, "not enabled without"
        return StateDB(parts.plan.statedb)

    def stop(self, part: StateDB) -> None:
        part.close()
