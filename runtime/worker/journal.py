"""The worker's log lines about tasks, worded as Celery's. Nothing is formatted when nobody reads it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from signal import Signals

from pools.interface import ChildFailed, Lost, TimedOut
from runtime.counted import counted
from runtime.execution import report as ends
from runtime.execution.report import Report
from runtime.protocol.task_message import TaskMessage
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.verdict import Verdict

logger = logging.getLogger("runtime.worker")


FATES = {Verdict.REDELIVER: "runs again", Verdict.DEAD: "failed, and kept as a dead letter"}
"""What becomes of a task whose child died."""


class Journal:
    def __init__(self) -> None:
        self.tells_all = logger.isEnabledFor(logging.INFO)
        """Whether a task's receipt and success are told; asked before anything is prepared."""
        self._told = ""
        """Why a child could not boot, the last time: a long traceback is told once."""
        self.fenced_so_far = 0

    def ready(self, tasks: Iterable[str]) -> None:
        """The children's code is loaded, for the first time or anew."""
        own = [name for name in tasks if not name.startswith("celery.")]
        logger.info("Worker is ready: %s", counted(len(own), "task"))

    def received(self, reservation: Reservation) -> None:
        if self.tells_all:
            logger.info("Task %s[%s] received", reservation.task.name, reservation.task.id)

    def refused(self, reason: str, kept: bool) -> None:
        """A message ended at its intake. kept: as a dead letter."""
        logger.error("Refused: %s%s", reason, "; kept as a dead letter" if kept else "")

    def discarded(self, task: TaskMessage, expired: bool) -> None:
        """It is not run, as somebody wants it."""
        what = "expired" if expired else "revoked"
        logger.info("Discarding %s task: %s[%s]", what, task.name, task.id)

    def reported(self, reservation: Reservation, report: Report, seconds: float) -> None:
        if reservation.options.logs_itself and report.state != ends.MALFORMED:
            return
        task = f"{reservation.task.name}[{reservation.task.id}]"
        if report.state == ends.SUCCESS:
            logger.info("Task %s succeeded in %.6fs: %s", task, seconds, report.text)
        elif report.state == ends.RETRY:
            logger.info("Task %s retry: %s", task, report.text)
        elif report.state == ends.IGNORED:
            logger.info("Task %s ignored", task)
        elif report.state == ends.REJECTED:
            logger.warning("Task %s rejected: %s", task, report.text)
        elif report.state == ends.MALFORMED:
            logger.error("Task %s dead-lettered: malformed message: %s", task, report.text)
        else:
            logger.error("Task %s raised unexpected: %s\n%s", task, report.text, report.traceback or "")

    def timed_out(self, reservation: Reservation, event: TimedOut) -> None:
        task = reservation.task
        logger.error("Task %s[%s] killed by its hard time limit (%gs)", task.name, task.id, event.limit)

    def lost(self, reservation: Reservation, event: Lost, verdict: Verdict) -> None:
        task = reservation.task
        logger.error(
            "Task %s[%s] lost its child (pid %d, exit code %d): %s",
            task.name,
            task.id,
            event.pid,
            event.exitcode,
            FATES.get(verdict, "failed"),
        )

    def terminated(self, reservation: Reservation, number: Signals) -> None:
        task = reservation.task
        logger.info("Terminating task %s[%s] (%s)", task.name, task.id, number.name)

    def abandoned(self, reservation: Reservation) -> None:
        task = reservation.task
        logger.warning(
            "Task %s[%s] killed, as the worker stops: %s",
            task.name,
            task.id,
            "it runs again" if reservation.tag else "its message was acknowledged, so it does not run again",
        )

    def unsettleable(self, reservation: Reservation, error: Exception) -> None:
        task = reservation.task
        logger.error("Task %s[%s] dead-lettered: its end cannot be settled: %r", task.name, task.id, error)

    def child_failed(self, event: ChildFailed) -> None:
        if event.refused:
            goes_on = "" if event.fatal else " anew, and the old code goes on"
            logger.critical("The app cannot be loaded%s: %s", goes_on, event.reason)
            return
        again = event.reason == self._told
        self._told = event.reason
        reason = "as before" if again else event.reason
        logger.critical("A child could not boot (attempt %d): %s", event.attempts, reason)

    def fenced(self, tags: list[str]) -> None:
        self.fenced_so_far += len(tags)
        logger.warning(
            "%s came too late: the messages were another worker's by then, or deleted (%d so far): %s",
            counted(len(tags), "settlement"),
            self.fenced_so_far,
            ", ".join(tags[:10]),
        )

    def evicted(self, waiting: int, running: int) -> None:
        """Others have our messages: these are dropped here, and those killed."""
        logger.warning(
            "Our lease had ended, and other workers have our messages: dropped %d that waited here, "
            "killing %s that ran; early-ack ones go on",
            waiting,
            counted(running, "task"),
        )

    def waits(self, unsettled: int) -> None:
        logger.warning("%d settlements wait for the broker: no task is started until it has them", unsettled)

    def broker_said(self, refused: list[str], restored: int) -> None:
        """What the server would not do, and how many messages that nobody cared for it got back."""
        for reason in refused:
            logger.error("Broker refused: %s", reason)
        if restored:
            logger.warning("Gave back %s that no living worker had", counted(restored, "message"))

    def namesakes(self, places: list[str]) -> None:
        """Other workers have our node name."""
        logger.warning(
            "Another worker has our node name, or had until a moment ago (%s): give each its own with -n",
            ", ".join(places),
        )

    def drains(self, running: int) -> None:
        if running:
            logger.info(
                "Waiting for the end of %s; a second TERM or Ctrl-C kills what runs", counted(running, "task")
            )

    def gave_back(self, count: int, why: str) -> None:
        if count:
            logger.info("Gave back %s: %s", counted(count, "message"), why)
