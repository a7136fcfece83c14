"""What every message goes through, and what the worker knows of itself: one owner for each piece of state."""

from __future__ import annotations

import os
import time

from pools.interface import Pool
from runtime import hooks
from runtime.events.event import Origin
from runtime.remote.clock import Clock
from runtime.worker.absence import Absence
from runtime.worker.announcer import Announcer
from runtime.worker.code import Code
from runtime.worker.events.election import Elections
from runtime.worker.events.heart import Pulse
from runtime.worker.events.outbox import Outbox
from runtime.worker.events.task_events import TaskEvents
from runtime.worker.health.meters import Meters
from runtime.worker.inquiry import Inquiry
from runtime.worker.journal import Journal
from runtime.worker.ledger import Ledger
from runtime.worker.lifecycle import Life
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.ends import Ends
from runtime.worker.pipeline.fetch import Fetcher
from runtime.worker.pipeline.hold import NearlyDue
from runtime.worker.pipeline.intake import Intake
from runtime.worker.pipeline.limit import RateLimits
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.plan import Plan
from runtime.worker.record import Record
from runtime.worker.revoked import Revoked


class Core:
    """Lasts as long as the worker, whatever becomes of its connections. The loop drives it; steps read it."""

    def __init__(self, plan: Plan, pool: Pool, meters: Meters, revoked: Revoked) -> None:
        now = time.monotonic()
        self.pool = pool
        self.meters = meters
        self.journal = Journal()
        self.announcer = Announcer(hooks.Node(plan.app, plan.node))
        self.life = Life(plan.grace)
        self.absence = Absence(plan.patience)
        self.code = Code()
        self.clock = Clock()
        self.inquiry = Inquiry()
        self.declared = {queue.name: queue for queue in plan.consumed}
        """How each queue is bound that is or was consumed."""
        self.ledger = Ledger()
        self.nearly_due = NearlyDue()
        self.limits = RateLimits(plan.app.conf.worker_disable_rate_limits)
        self.revoked = revoked
        self.pace = Pace(now)
        self.fetcher = Fetcher(now)
        self.settler = Settler(plan.app, plan.node, plan.options.children.store_ends)
        self.outbox = Outbox(plan.app.conf.event_exchange)
        self.origin = Origin(plan.node, self.clock)
        self.elections = Elections(f"{plan.node}.{os.getpid()}")
        self.task_events = TaskEvents(self.origin, self.outbox, plan.task_events)
        self.pulse = Pulse(
            self.origin, self.outbox, self.announcer, self.ledger, pool, plan.heartbeat_interval
        )
        self.record = Record(self.journal, meters, self.announcer, self.task_events)
        self.dispatcher = Dispatcher(pool, self.pace, self.record, plan.time_limit, plan.soft_time_limit)
        self.intake = Intake(
            self.ledger, self.nearly_due, self.limits, self.settler, self.revoked, self.record
        )
        self.ends = Ends(self.ledger, self.dispatcher, self.pace, self.settler, self.record)
