"""Mailbox, Panel; Control: remote control."""

from __future__ import annotations

from brokers.interface import Binding, Mailbox
from brokers.registry import open_mailbox
from runtime.bootsteps.step import Parts, Step
from runtime.remote import command
from runtime.worker.commands.panel import Panel
from runtime.worker.commands.view import WorkerView
from runtime.worker.hub import Hub
from runtime.worker.plan import Plan
from runtime.worker.steps.consumer import BrokerStep, ConnectionStep
from runtime.worker.steps.loop import HubStep
from runtime.worker.steps.pool import AutoscalerStep, CoreStep

LEAVE_TIMEOUT = 0.5
"""Seconds to say what is still to be said."""


class MailboxStep(Step[Mailbox]):
    name = "Mailbox"

    def enabled(self, plan: Plan) -> bool:
        return bool(plan.app.conf.worker_enable_remote_control)

    def start(self, parts: Parts) -> Mailbox:
        conf = parts.plan.app.conf
        exchange = command.exchange(conf.control_exchange)
        mine = Binding(exchange, "", f"{parts.plan.node}.{exchange}")
        return open_mailbox(conf.broker_url, conf.broker_transport_options, bindings=[mine])

    def stop(self, part: Mailbox) -> None:
        part.close(timeout=LEAVE_TIMEOUT)


class PanelStep(Step[Panel]):
    """Lasts as long as the worker: so do the custom commands' process, and what commands have set."""

    name = "Panel"
    requires = (MailboxStep, CoreStep, BrokerStep, AutoscalerStep)

    def enabled(self, plan: Plan) -> bool:
        return bool(plan.app.conf.worker_enable_remote_control)

    def start(self, parts: Parts) -> Panel:
        core = parts[CoreStep]
        view = WorkerView(parts.plan, core, parts[BrokerStep], parts.get(AutoscalerStep))
        return Panel(parts[MailboxStep], view, core.code, core.inquiry)

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
