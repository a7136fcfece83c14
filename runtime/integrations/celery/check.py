"""What would change for a Celery app under our worker: facts, asked of the app; nothing is run or sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from pools import registry
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery import custom, settings
from runtime.integrations.celery.command_line import Option, parse
from runtime.integrations.celery.equals import OPTIONS, How, of_setting
from runtime.worker.commands.all import COMMANDS

if TYPE_CHECKING:
    from celery import Celery


class Effect(Enum):
    BLOCKS = "blocks"
    """It must be changed before the move."""
    CHANGES = "changes"
    """It works, in another way; or it is left out and nothing else suffers."""


class Finding(NamedTuple):
    effect: Effect
    text: str


class Verdict(NamedTuple):
    command: str
    """What to start instead of `celery worker`."""
    findings: list[Finding]
    unchanged: list[str]
    """Settings that are obeyed as they are."""

    @property
    def blocked(self) -> bool:
        return any(finding.effect is Effect.BLOCKS for finding in self.findings)


NEVER_SENT = (
    "task_received", "task_rejected", "task_revoked", "task_unknown", "heartbeat_sent",
    "worker_shutting_down", "worker_shutdown",
    "eventlet_pool_started", "eventlet_pool_preshutdown",
    "eventlet_pool_postshutdown", "eventlet_pool_apply",
)  # fmt: skip
"""Signals of Celery's main process, in which no code of the app runs here."""

SIZES = ("--concurrency", "--autoscale")
"""A solo pool of Celery's takes no notice of them; ours refuses them."""
STRATEGY = "celery.worker.strategy:default"
REQUEST = "celery.worker.request:Request"


def judge(app: Celery, name: str, arguments: Sequence[str]) -> Verdict:
    """arguments: of `celery worker`. The modules with the app's tasks are imported. Raises
    ImproperlyConfigured for an option that Celery's worker does not have."""
    app.loader.import_default_modules()
    app.finalize()
    options = parse(arguments)
    changed = settings.changed(app)
    findings = [
        *_of_options(options),
        *_of_broker(app),
        *_of_results(app),
        *_of_pool(app, options),
        *_of_queues(app),
        *_of_settings(changed),
        *_of_tasks(app),
        *_of_extensions(app),
    ]
    unchanged = [each for each in sorted(changed) if of_setting(each).how in (How.SAME, How.CELERY)]
    unwanted = SIZES if _kind(app, options) == "solo" else ()
    return Verdict(_command(name, options, unwanted), findings, unchanged)


def _command(name: str, options: Sequence[Option], unwanted: Collection[str]) -> str:
    kept = [each for each in options if OPTIONS[each.name].how is How.SAME and each.name not in unwanted]
    given = [option.name if option.value is None else f"{option.name} {option.value}" for option in kept]
    return " ".join(["runtime", "-A", name, "start", *given])


def _of_options(options: Sequence[Option]) -> Iterator[Finding]:
    for option in options:
        equal = OPTIONS[option.name]
        if equal.how is not How.SAME:
            yield Finding(Effect.CHANGES, f"option {option.name}: {equal.note}")


def _of_broker(app: Celery) -> Iterator[Finding]:
    try:
        lost = settings.translated(app).lost
    except ImproperlyConfigured as error:
        yield Finding(Effect.BLOCKS, str(error))
        return
    for name, why in sorted(lost.items()):
        yield Finding(Effect.CHANGES, f"setting {name}: {why}")
    url = str(app.conf.broker_url)
    if ";" in url and not url.startswith("sentinel://"):
        yield Finding(
            Effect.CHANGES, "broker_url: only the first of several servers is used; sentinel:// fails over"
        )
    if app.conf.broker_write_url != app.conf.broker_read_url:
        yield Finding(
            Effect.BLOCKS,
            "broker_read_url and broker_write_url differ: what a worker gives back goes to the first",
        )


def _of_results(app: Celery) -> Iterator[Finding]:
    if settings.stores_elsewhere(app):
        kind = str(app.conf.result_backend).partition("://")[0]
        yield Finding(
            Effect.CHANGES,
            f"result_backend {kind}: what ends a task from outside (killed, lost, revoked, expired) is "
            "stored by a child that is told of it, as soon as one has a free slot",
        )


def _kind(app: Celery, options: Sequence[Option]) -> str:
    """Of the pool."""
    given = (option.value for option in options if option.name == "--pool")
    return str(next(given, None) or app.conf.worker_pool)


def _of_pool(app: Celery, options: Sequence[Option]) -> Iterator[Finding]:
    try:
        registry.resolve(_kind(app, options))
    except ValueError as error:
        yield Finding(Effect.BLOCKS, str(error))


def _of_queues(app: Celery) -> Iterator[Finding]:
    for queue in app.amqp.queues.values():
        if settings.is_broadcast(queue):
            yield Finding(
                Effect.BLOCKS,
                f"queue {queue.alias or queue.name}: a fanout exchange (Broadcast) is not consumed",
            )


def _of_settings(changed: dict[str, Any]) -> Iterator[Finding]:
    """Those that have another equal; what has none is named with the broker."""
    for name in sorted(changed):
        equal = of_setting(name)
        if equal.how is How.OTHER:
            yield Finding(Effect.CHANGES, f"setting {name}: {equal.note}")


def _of_tasks(app: Celery) -> Iterator[Finding]:
    own = {name: task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")}
    for name, task in own.items():
        if task.Strategy != STRATEGY or task.Request != REQUEST:
            yield Finding(Effect.BLOCKS, f"task {name}: a Strategy or Request of its own is not used")
    again = sum(bool(task.acks_late) and task.reject_on_worker_lost is None for task in own.values())
    if again:
        yield Finding(
            Effect.CHANGES,
            f"{again} late-ack tasks run again when their process dies, up to 3 times; with "
            "reject_on_worker_lost=False they fail, as under Celery",
        )


def _of_extensions(app: Celery) -> Iterator[Finding]:
    from celery import signals

    for blueprint, steps in sorted(app.steps.items()):
        for step in steps:
            yield Finding(Effect.BLOCKS, f"{blueprint} bootstep {getattr(step, '__name__', step)} is not run")
    for name in NEVER_SENT:
        if getattr(signals, name).receivers:
            yield Finding(Effect.CHANGES, f"signal {name} is never sent: its receivers are not called")
    for name in sorted(custom.functions()):
        yield Finding(Effect.CHANGES, _of_command(name))
    if app.user_options["worker"]:
        yield Finding(Effect.CHANGES, "the app's own options of `celery worker` are not known here")


def _of_command(name: str) -> str:
    if name in COMMANDS:
        return f"remote control command {name} is not the app's own: this worker has one of that name"
    return f"remote control command {name} runs in a process beside the worker: `state` has no consumer there"
