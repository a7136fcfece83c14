"""What the fork server calls to load a Celery app, and what each child calls once it is forked.

The order is that of Celery's worker: modules are imported (and with them Django is set up), then the
signals celeryd_init, worker_init and worker_ready are sent, by the fork server, which stands for Celery's
main process; worker_process_init in each child.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from billiard.util import Finalize

from pools.interface import BootRefused
from runtime.app.modules import refuse_missing
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery import loading, tasks
from runtime.integrations.celery.runner import CeleryRunner
from runtime.integrations.celery.settings import translated

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger("runtime.worker")

LAST = 100
"""Priority of what a child does when it ends: before anything else is taken apart."""


@dataclass(eq=False)
class Controller:
    """Sender of the worker's signals: of Celery's WorkController, what receivers read."""

    app: Celery
    hostname: str
    pool_cls: str
    """`celery.concurrency.prefork:TaskPool` and the like: Django's fixup looks for the word."""
    concurrency: int
    loglevel: str
    logfile: str | None


class _Loaded:
    """What the fork server has loaded, for its children."""

    controller: Controller | None = None


def boot(argument: bytes) -> tuple[Callable[[memoryview], bytes], bytes]:
    """As `pools.interface.ChildOptions.boot` wants it."""
    given = orjson.loads(argument)
    app = loading.loaded(given)
    controller = Controller(
        app=app,
        hostname=given["node"],
        pool_cls=f"celery.concurrency.{given['kind']}:TaskPool",
        concurrency=given["slots"],
        loglevel=given["loglevel"],
        logfile=given["logfile"],
    )
    try:
        _load(controller, given)
        described = tasks.describe(app)
    except ImproperlyConfigured as error:
        raise BootRefused(str(error)) from None
    _Loaded.controller = controller
    _tell_what_is_lost(app)
    return CeleryRunner(app, controller.hostname), described


def _load(controller: Controller, given: dict[str, Any]) -> None:
    from celery import signals
    from celery.app import trace

    app = controller.app
    try:
        app.loader.init_worker()
    except ModuleNotFoundError as error:
        refuse_missing(error, (*app.conf.imports, *app.conf.include), by="imports or include")
        raise
    signals.celeryd_init.send(sender=controller.hostname, instance=controller, conf=app.conf, options=given)
    signals.worker_init.send(sender=controller)
    if given["log_format"] == "text":
        app.log.setup(
            given["loglevel"].upper(),
            given["logfile"],
            redirect_stdouts=app.conf.worker_redirect_stdouts and given["kind"] != "solo",
            redirect_level=app.conf.worker_redirect_stdouts_level,
            hostname=controller.hostname,
        )
    trace.setup_worker_optimizations(app, controller.hostname)
    signals.celeryd_after_setup.send(sender=controller.hostname, instance=controller, conf=app.conf)
    _import_what_children_need(app)
    for name, task in app.tasks.items():
        task.__trace__ = trace.build_tracer(name, task, app.loader, controller.hostname, app=app)
    signals.worker_ready.send(sender=controller)


def _import_what_children_need(app: Celery) -> None:
    """Once for all, and not in each child's first task (0.2 s). Classes only: what connects must not be
    forked."""
    from celery.app.backends import by_url

    by_url(app.backend_cls or app.conf.result_backend, app.loader)
    assert app.connection_for_write().transport_cls


def before_fork() -> None:
    """In the fork server, before each child."""
    from celery import signals

    signals.worker_before_create_process.send(sender=_Loaded.controller)


def after_fork() -> None:
    """In a new child, before its first job."""
    from celery import _state, signals

    controller = _Loaded.controller
    assert controller is not None, "boot comes first"
    app, node = controller.app, controller.hostname
    _state._set_task_join_will_block(not controller.pool_cls.startswith("celery.concurrency.gevent"))
    app.loader.init_worker_process()
    signals.worker_process_init.send(sender=node)
    Finalize(None, _say_goodbye, args=(node, os.getpid()), exitpriority=LAST)


def _say_goodbye(node: str, pid: int) -> None:
    from celery import signals

    signals.worker_process_shutdown.send(sender=node, pid=pid, exitcode=0)


def _tell_what_is_lost(app: Celery) -> None:
    lost = translated(app).lost
    if lost:
        listed = "; ".join(f"{name} ({why})" for name, why in sorted(lost.items()))
        logger.warning("Settings of the Celery app that have no effect here: %s", listed)
