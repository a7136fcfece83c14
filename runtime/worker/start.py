"""Runs a worker: builds its two blueprints, starts them, turns the loop, and takes all apart again."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

from brokers.interface import BrokerError
from runtime import hooks, logs
from runtime.bootsteps.step import Parts
from runtime.errors import ImproperlyConfigured
from runtime.worker import banner, descriptors, standard_streams
from runtime.worker.blueprint import StepFailed
from runtime.worker.exitcodes import ExitCode, Leave
from runtime.worker.options import WorkerOptions
from runtime.worker.plan import plan
from runtime.worker.steps.all import blueprints
from runtime.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from runtime.app.app import App

logger = logging.getLogger("runtime.worker")

YOUNG = 20_000
"""New objects after which the garbage collector looks. What comes with one take is several thousand, none of
it garbage that needs a collector: at Python's 700 it took 5 % of the supervisor's time."""


def run_worker(app: App, options: WorkerOptions) -> int:
    """Run until told to stop; the exit code. Raises ImproperlyConfigured and BrokerError, with nothing left
    running."""
    standard_streams.occupy()
    descriptors.provide()
    node = hooks.Node(app, options.node)
    hooks.celeryd_init.send(options.node, instance=node, conf=app.conf, options=options)
    parts = Parts(plan(app, options))
    worker, consumer = blueprints(app)
    logging_options = (options.loglevel, options.log_format, options.logfile)
    logs.set_up(*logging_options)
    logs.hand_over(*logging_options)
    hooks.celeryd_after_setup.send(options.node, instance=node, conf=app.conf)
    hooks.worker_init.send(node)
    try:
        worker.start(parts)
    except StepFailed as failed:
        return _told(failed)
    try:
        if options.banner:
            banner.show(parts.plan)
        gc.freeze()
        gc.set_threshold(YOUNG)
        return Supervisor(parts, consumer).run()
    finally:
        consumer.stop()
        worker.stop()
        hooks.worker_shutdown.send(node)


def _told(failed: StepFailed) -> ExitCode:
    """Why the worker could not start; the exit code."""
    if isinstance(failed.cause, Leave):
        return failed.cause.code
    if isinstance(failed.cause, ImproperlyConfigured | BrokerError):
        raise failed.cause
    logger.critical("%s", failed, exc_info=failed.cause)
    return ExitCode.STEP_FAILED
