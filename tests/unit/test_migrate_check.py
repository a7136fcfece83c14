"""What `runtime migrate-check` finds; and that the page about moving over leaves nothing out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from celery import Celery, bootsteps
from celery.app.defaults import NAMESPACES, flatten
from celery.bin.worker import worker
from kombu.common import Broadcast

from runtime.cli.start import start
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery.check import Effect, Verdict, judge
from runtime.integrations.celery.command_line import name_of
from runtime.integrations.celery.equals import OPTIONS, How, of_setting
from runtime.settings import DEFINITIONS

PAGE = (Path(__file__).parents[2] / "docs" / "moving-over.md").read_text()


def app(**settings: Any) -> Celery:
    made = Celery("proj", broker="redis://somewhere", set_as_current=False)
    made.conf.update(settings)
    return made


def do_nothing() -> None: ...


def texts(verdict: Verdict, effect: Effect) -> str:
    return "\n".join(finding.text for finding in verdict.findings if finding.effect is effect)


def test_an_app_for_which_nothing_changes() -> None:
    made = app(task_acks_late=False, result_backend="redis://somewhere", task_track_started=True)
    verdict = judge(made, "proj", ["-c4", "--queues=a,b", "-l", "INFO", "--without-gossip"])
    assert verdict.command == (
        "runtime -A proj start --concurrency 4 --queues a,b --loglevel INFO --without-gossip"
    )
    assert verdict.findings == []
    assert not verdict.blocked
    assert set(verdict.unchanged) == {"broker_url", "result_backend", "task_track_started"}


def test_a_solo_pool_is_started_without_a_size() -> None:
    for settings, options in (({}, ["-P", "solo"]), ({"worker_pool": "solo"}, ["-B"])):
        verdict = judge(app(**settings), "proj", ["-c", "4", "--autoscale=4,2", *options])
        assert "4" not in verdict.command


def test_what_changes() -> None:
    made = app(worker_timer="x", result_backend="db+sqlite:///x", worker_prefetch_multiplier=1)
    made.task(name="late", acks_late=True, shared=False)(do_nothing)
    verdict = judge(made, "proj", ["-B", "--pidfile", "p"])
    told = texts(verdict, Effect.CHANGES)
    for words in (
        "--pidfile",
        "worker_timer",
        "result_backend db+sqlite",
        "1 late-ack",
        "prefetch",
    ):
        assert words in told
    assert not verdict.blocked


def test_what_blocks() -> None:
    class Step(bootsteps.StartStopStep):
        pass

    made = app(task_queues=[Broadcast("everybody")], worker_pool="eventlet")
    made.steps["worker"].add(Step)
    made.task(name="own", Request="proj:Request", shared=False)(do_nothing)
    told = texts(judge(made, "proj", []), Effect.BLOCKS)
    for words in ("everybody", "bootstep Step", "task own", "eventlet"):
        assert words in told
    assert judge(app(broker_url="amqp://"), "proj", []).blocked
    with pytest.raises(ImproperlyConfigured, match="--no-such"):
        judge(app(), "proj", ["--no-such"])


def test_every_option_and_setting_of_celery_is_on_the_page() -> None:
    options = {name_of(param) for param in worker.params if param.opts and name_of(param) != "--help"}
    assert options == set(OPTIONS)
    for name in [*options, *(name for name, _ in flatten(NAMESPACES))]:
        assert f"| `{name}` |" in PAGE, name


def test_what_the_page_says_is_obeyed_exists() -> None:
    ours = {option for param in start.params for option in param.opts}
    assert {name for name, equal in OPTIONS.items() if equal.how is How.SAME} <= ours
    for name, _ in flatten(NAMESPACES):
        assert "not known" not in of_setting(name).note, name
    rows = [line for line in PAGE.splitlines() if line.startswith("| `") and line.endswith("| yes |")]
    assert rows
    for row in rows:
        assert row.split("`")[1] in DEFINITIONS
    assert of_setting("no_such_setting").how is How.NONE
