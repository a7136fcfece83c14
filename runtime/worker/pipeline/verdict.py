"""What becomes of a message, by how its task ended: a pure table (PROTOCOL 9)."""

from __future__ import annotations

from enum import Enum

from runtime.execution import report
from runtime.execution.manifest import TaskOptions

SUSPECT = 2
"""Deaths after which a message is suspect, whatever their bound."""


class Verdict(Enum):
    ACK = "ack"
    REQUEUE = "requeue"
    """Back into its queue; at the tail, as Celery does on Reject(requeue=True)."""
    REDELIVER = "redeliver"
    """Back to the head of its queue, marked as redelivered: its child died."""
    DROP = "drop"
    """Rejected without requeue: removed, nothing else."""
    DEAD = "dead-letter"


def of_report(options: TaskOptions, acknowledged: bool, ended: report.Report) -> Verdict:
    """The child reported an end."""
    if ended.state == report.MALFORMED:
        return Verdict.DEAD
    if acknowledged:
        return Verdict.ACK
    if ended.state == report.REJECTED:
        return Verdict.REQUEUE if ended.requeue else Verdict.DROP
    if ended.state == report.FAILURE and not options.acks_on_failure:
        return Verdict.DROP
    return Verdict.ACK


def of_time_out(options: TaskOptions, acknowledged: bool) -> Verdict:
    """The hard limit ended it."""
    if acknowledged or options.acks_on_timeout:
        return Verdict.ACK
    return Verdict.REQUEUE


def of_loss(options: TaskOptions, acknowledged: bool, deliveries: int) -> Verdict:
    """Its child died, for the `deliveries`-th time with this message."""
    if acknowledged or options.reject_on_worker_lost is False:
        return Verdict.ACK
    if options.max_deliveries and deliveries >= options.max_deliveries:
        return Verdict.DEAD
    return Verdict.REDELIVER


def is_suspect(deaths: int, max_deliveries: int) -> bool:
    """It was in so many children that died that it may be what kills them, and is to run alone: beside
    others it would take them with it, and at the last of its deliveries it could be buried for what
    another did. Not at the first death, if it has more to come: most children are killed from outside,
    once, and all that ran there can go on at once, side by side."""
    enough = min(max_deliveries - 1, SUSPECT) if max_deliveries else SUSPECT
    return 0 < deaths >= enough


def is_worn_out(restores: int, bound: int) -> bool:
    """So many workers died with it in their care that it may be what kills them. bound: 0 is none."""
    return bool(bound) and restores > bound
