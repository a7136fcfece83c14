"""The worker's word about itself, given to whoever asks: probes by HTTP, systemd by its socket."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson

from runtime.worker.health import address
from runtime.worker.health.condition import Condition
from runtime.worker.health.judge import Judgement, judge
from runtime.worker.health.meters import Meters
from runtime.worker.health.responder import Answer, Responder
from runtime.worker.health.systemd import Notifier
from runtime.worker.lifecycle import State

if TYPE_CHECKING:
    from runtime.worker.health.exposition import Exposition

logger = logging.getLogger("runtime.worker")

BEAT = 1.0
"""Seconds between looks at our own condition."""
IMPATIENT_BEAT = 0.1
"""The same while the worker is not ready: that it has become so shall be known soon."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Driven by the loop: call `attend` when `fileno` is readable and at `next_deadline`. With neither
    an address nor a service manager it asks for nothing."""

    def __init__(self, http: str | None, environment: MutableMapping[str, str]) -> None:
        """`http`: where probes ask (see `address`). `environment`: where the service manager's variables
        are; they are taken out. Raises ImproperlyConfigured when the address is of no use."""
        self._notifier = Notifier(environment)
        self._poller = select.epoll()
        self._responder: Responder | None = None
        self._path: str | None = None
        self._metrics: Exposition | None = None
        self._staffed_at = time.monotonic()
        self._next_beat = 0.0 if http or self._notifier.listens else float("inf")
        if http:
            place = address.parse(http)
            self._responder = Responder(address.listen(place))
            self._poller.register(self._responder.fileno(), select.EPOLLIN)
            self._path = str(place.place) if place.family == socket.AF_UNIX else None
            self._metrics = _exposition()

    def meters(self) -> Meters:
        """What the supervisor counts with."""
        return Meters() if self._metrics is None else self._metrics.tally

    def fileno(self) -> int:
        return self._poller.fileno()

    def next_deadline(self) -> float:
        """time.monotonic() seconds; inf: no need."""
        return min(self._next_beat, self._notifier.next_deadline())

    def attend(self, now: float, condition: Condition) -> None:
        """Say what is due to the manager, answer those who ask."""
        if self._next_beat == float("inf"):
            return
        if condition.staffed:
            self._staffed_at = now
        judgement = judge(condition, now - self._staffed_at, now)
        self._next_beat = now + (BEAT if judgement.ready else IMPATIENT_BEAT)
        self._notifier.tell(
            now, condition.state, judgement.live, judgement.ready, _status(condition, judgement)
        )
        if self._responder is not None:
            for visitor in self._responder.receive(now):
                self._responder.answer(visitor, self._answer(visitor.path, condition, judgement, now))

    def reloading(self, now: float) -> None:
        self._notifier.reloading(now)

    def reloaded(self) -> None:
        self._notifier.reloaded()

    def close(self) -> None:
        if self._responder is not None:
            self._responder.close()
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):  # somebody has tidied up
                os.unlink(self._path)
        self._poller.close()
        self._notifier.close()

    def _answer(self, path: str, condition: Condition, judgement: Judgement, now: float) -> Answer:
        if path == "/livez":
            return _verdict(judgement.not_live, condition)
        if path == "/readyz":
            return _verdict(judgement.not_ready, condition)
        if path == "/metrics" and self._metrics is not None:
            return Answer(HTTPStatus.OK, METRICS_TYPE, self._metrics.text(condition, judgement, now))
        return Answer(HTTPStatus.NOT_FOUND, "text/plain", b"there are /livez, /readyz and /metrics\n")


def _exposition() -> Exposition | None:
    try:
        from runtime.worker.health.exposition import Exposition
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        logger.warning("No /metrics: prometheus-client is not installed (worker-runtime[metrics] brings it)")
        return None
    return Exposition()


def _verdict(reasons: tuple[str, ...], condition: Condition) -> Answer:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    document = {"ok": not reasons, "state": condition.state.name.lower(), "reasons": reasons}
    return Answer(status, "application/json", orjson.dumps(document) + b"\n")


def _status(condition: Condition, judgement: Judgement) -> str:
    """One line for `systemctl status`."""
    if judgement.not_ready and condition.state is State.RUNNING:
        return "Not ready: " + "; ".join(judgement.not_ready)
    name = condition.state.name.capitalize()
    return f"{name}: {condition.running} of {condition.slots} slots busy, {condition.waiting} waiting"
