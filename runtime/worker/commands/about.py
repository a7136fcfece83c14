"""Questions about the worker itself."""

from __future__ import annotations

import os
import resource
import time
from typing import Any
from urllib.parse import urlsplit

from runtime.app.bug_report import bug_report
from runtime.settings.settings import DEFINITIONS, masked
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView
from runtime.worker.size import Bounds


@COMMANDS.inspect()
def ping(view: WorkerView) -> dict[str, str]:
    """Whether it is there."""
    return {"ok": "pong"}


@COMMANDS.inspect()
def clock(view: WorkerView) -> dict[str, int]:
    """The value of its logical clock."""
    return {"clock": view.clock.value}


@COMMANDS.inspect(arguments=[("from_node", str)])
def hello(
    view: WorkerView, from_node: str, revoked: list[object] | dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """Another worker starts: each tells the other which tasks are revoked."""
    if from_node == view.node:
        return None
    view.revoked.add(each for each in revoked or () if isinstance(each, str))
    return {"revoked": view.revoked.ids(), "clock": view.clock.tick()}


@COMMANDS.inspect(alias="dump_conf", arguments=[("with_defaults", bool)])
def conf(view: WorkerView, with_defaults: bool = False) -> dict[str, Any]:
    """Its settings: those that are not at their default."""
    settings = view.app.conf
    chosen = {
        name: settings[name]
        for name in settings
        if with_defaults or name not in DEFINITIONS or settings[name] != DEFINITIONS[name].default
    }
    return {name: _plain(masked(name, value)) for name, value in chosen.items()}


@COMMANDS.inspect()
def report(view: WorkerView) -> dict[str, str]:
    """What to put into a bug report."""
    return {"ok": bug_report(view.app)}


@COMMANDS.inspect()
def stats(view: WorkerView) -> dict[str, Any]:
    """What it has done, and what it uses."""
    multiplier, bounds = view.plan.multiplier, view.autoscale()
    scaled = {} if bounds is None else {"autoscaler": _autoscaler(view, bounds)}
    return {
        "total": view.totals(),
        "pid": os.getpid(),
        "clock": str(view.clock.value),
        "uptime": round(time.monotonic() - view.started_at),
        "prefetch_count": view.slots() * (1 if multiplier is None else multiplier),
        "pool": _pool(view),
        "broker": _broker(view),
        "rusage": _usage(),
        **scaled,
    }


def _autoscaler(view: WorkerView, bounds: Bounds) -> dict[str, int]:
    """qty: messages that run or wait here."""
    quantity = len(view.active()) + len(view.reserved())
    return {"max": bounds.most, "min": bounds.least, "current": view.slots(), "qty": quantity}


def _pool(view: WorkerView) -> dict[str, Any]:
    plan, settings = view.plan, view.app.conf
    most = plan.options.max_tasks_per_child or settings.worker_max_tasks_per_child
    threads = {"threads": view.slots()} if view.pool_kind() == "threads" else {}
    return {
        "implementation": view.pool_kind(),
        "max-concurrency": view.slots(),
        "processes": view.pids(),
        "max-tasks-per-child": most or "N/A",
        "put-guarded-by-semaphore": False,
        "timeouts": [plan.soft_time_limit or 0, plan.time_limit or 0],
        "writes": "N/A",
        **threads,
    }


def _broker(view: WorkerView) -> dict[str, Any]:
    settings = view.app.conf
    parts = urlsplit(settings.broker_url)
    database = dict(part.partition("=")[::2] for part in parts.query.split("&")).get("virtual_host")
    return {
        "hostname": parts.hostname or parts.path,
        "userid": parts.username,
        "virtual_host": database or (parts.hostname and parts.path.strip("/")) or "0",
        "port": parts.port or 6379,
        "insist": False,
        "ssl": parts.scheme == "rediss",
        "transport": "redis",
        "connect_timeout": settings.broker_connection_timeout,
        "transport_options": _plain(masked("", settings.broker_transport_options)),
        "login_method": None,
        "uri_prefix": None,
        "heartbeat": 0,
        "failover_strategy": "round-robin",
        "alternates": [],
        "credential_provider": None,
    }


def _usage() -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {name.removeprefix("ru_"): getattr(usage, name) for name in dir(usage) if name.startswith("ru_")}


def _plain(value: Any) -> Any:
    """What JSON has; anything else in its printed form."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)
