"""Panel, Control: remote control."""

from __future__ import annotations

from runtime.bootsteps.step import Parts, Step
from runtime.worker.commands.panel import Panel
from runtime.worker.commands.view import WorkerView
from runtime.worker.hub import Hub
from runtime.worker.plan import Plan
from runtime.worker.steps.consumer import BrokerStep, ConnectionStep
from runtime.worker.steps.events import MailStep
from runtime.worker.steps.loop import HubStep
from runtime.worker.steps.pool import AutoscalerStep, CoreStep


class PanelStep(Step[Panel]):
    """Lasts as long as the worker: so do the custom commands' process, and what commands have set."""

    name = "Panel"
    requires = (MailStep, CoreStep, BrokerStep, AutoscalerStep)

    def enabled(self, plan: Plan) -> bool:
        return bool(plan.app.conf.worker_enable_remote_control)

    def start(self, parts: Parts) -> Panel:
        core = parts[CoreStep]
        view = WorkerView(parts.plan, core, parts[BrokerStep], parts.get(AutoscalerStep))
        return Panel(parts[MailStep], view, core.code, core.inquiry)

    def stop(self, part: Panel) -> None:
        part.close()


class ControlStep(Step[tuple[Hub, Panel]]):
    """Commands are heard."""

    name = "Control"
    requires = (ConnectionStep,)

    def enabled(self, plan: Plan) -> bool:
        return bool(plan.app.conf.worker_enable_remote_control)

    def start(self, parts: Parts) -> tuple[Hub, Panel]:
        hub, panel = parts[HubStep], parts[PanelStep]
        hub.attach(panel)
        return hub, panel

    def stop(self, part: tuple[Hub, Panel]) -> None:
        hub, panel = part
        hub.detach(panel)
