from __future__ import annotations

import pytest

from runtime.execution import report
from runtime.execution.manifest import TaskOptions
from runtime.execution.report import Report
from runtime.worker.pipeline.verdict import Verdict, is_suspect, is_worn_out, of_loss, of_report, of_time_out

PLAIN = TaskOptions("t")


@pytest.mark.parametrize(
    ("options", "acknowledged", "ended", "verdict"),
    [
        (PLAIN, False, Report(report.SUCCESS), Verdict.ACK),
        (PLAIN, True, Report(report.SUCCESS), Verdict.ACK),
        (PLAIN, False, Report(report.FAILURE), Verdict.ACK),
        (TaskOptions("t", acks_on_failure=False), False, Report(report.FAILURE), Verdict.DROP),
        (TaskOptions("t", acks_on_failure=False), True, Report(report.FAILURE), Verdict.ACK),
        (PLAIN, False, Report(report.RETRY), Verdict.ACK),
        (PLAIN, False, Report(report.IGNORED), Verdict.ACK),
        (PLAIN, False, Report(report.REJECTED), Verdict.DROP),
        (PLAIN, False, Report(report.REJECTED, requeue=True), Verdict.REQUEUE),
        (PLAIN, True, Report(report.REJECTED, requeue=True), Verdict.ACK),
        (PLAIN, True, Report(report.MALFORMED), Verdict.DEAD),
        (PLAIN, False, Report(report.MALFORMED), Verdict.DEAD),
    ],
)
def test_a_report(options: TaskOptions, acknowledged: bool, ended: Report, verdict: Verdict) -> None:
    assert of_report(options, acknowledged, ended) is verdict


@pytest.mark.parametrize(
    ("options", "acknowledged", "verdict"),
    [
        (PLAIN, False, Verdict.ACK),
        (TaskOptions("t", acks_on_timeout=False), False, Verdict.REQUEUE),
        (TaskOptions("t", acks_on_timeout=False), True, Verdict.ACK),
    ],
)
def test_a_time_out(options: TaskOptions, acknowledged: bool, verdict: Verdict) -> None:
    assert of_time_out(options, acknowledged) is verdict


@pytest.mark.parametrize(
    ("options", "acknowledged", "deliveries", "verdict"),
    [
        (PLAIN, False, 1, Verdict.REDELIVER),
        (PLAIN, False, 2, Verdict.REDELIVER),
        (PLAIN, False, 3, Verdict.DEAD),
        (PLAIN, True, 1, Verdict.ACK),
        (TaskOptions("t", max_deliveries=0), False, 99, Verdict.REDELIVER),
        (TaskOptions("t", max_deliveries=1), False, 1, Verdict.DEAD),
        (TaskOptions("t", reject_on_worker_lost=False), False, 1, Verdict.ACK),
        (TaskOptions("t", reject_on_worker_lost=True), False, 1, Verdict.REDELIVER),
    ],
)
def test_a_lost_child(options: TaskOptions, acknowledged: bool, deliveries: int, verdict: Verdict) -> None:
    assert of_loss(options, acknowledged, deliveries) is verdict


def test_a_message_is_worn_out_beyond_the_bound_if_there_is_one() -> None:
    assert not is_worn_out(20, 20)
    assert is_worn_out(21, 20)
    assert not is_worn_out(1000, 0)


@pytest.mark.parametrize(
    ("deaths", "max_deliveries", "suspect"),
    [
        (0, 3, False),
        (1, 3, False),
        (2, 3, True),
        (0, 1, False),
        (1, 2, True),
        (1, 9, False),
        (2, 9, True),
        (1, 0, False),
        (2, 0, True),
    ],
)
def test_who_runs_alone(deaths: int, max_deliveries: int, suspect: bool) -> None:
    assert is_suspect(deaths, max_deliveries) is suspect
