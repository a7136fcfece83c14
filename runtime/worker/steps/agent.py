"""Agent: an object of the user's that is there while the worker is connected."""

from __future__ import annotations

from typing import Any

from runtime.bootsteps.step import Parts, Step
from runtime.worker.plan import Plan
from runtime.worker.steps.consumer import ConnectionStep


class AgentStep(Step[Any]):
    """Made by calling what the setting `worker_agent` names with the app; it has `start()` and `stop()`."""

    name = "Agent"
    requires = (ConnectionStep,)

    def enabled(self, plan: Plan) -> bool:
        return plan.agent is not None

    def start(self, parts: Parts) -> Any:
        assert parts.plan.agent is not None, "it is enabled"
        agent = parts.plan.agent(parts.plan.app)
        agent.start()
        return agent

    def stop(self, part: Any) -> None:
        part.stop()
