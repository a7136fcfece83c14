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

from brokers.interface import Backlog
from runtime.worker.health import address
from runtime.worker.health.condition import Condition
from runtime.worker.health.judge import Judgement, judge
from runtime.worker.health.known_backlog import KnownBacklog
from runtime.worker.health.meters import Meters
from runtime.worker.health.responder import Answer, Responder, Visitor
from runtime.worker.health.systemd import Notifier
from runtime.worker.lifecycle import State

if TYPE_CHECKING:
    from runtime.worker.health.exposition import Exposition

logger = logging.getLogger("runtime.worker")

BEAT = 1.0
"""Seconds between looks at our own condition."""
IMPATIENT_BEAT = 0.1
"""The same while the worker is not ready: that it has become so shall be known soon."""
NO_METRICS = "prometheus-client is not installed (pip install 'worker-runtime[metrics]' brings it)"
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
        self._backlog = KnownBacklog()
        self._scrapers: list[Visitor] = []
        """They wait for their answer."""
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

    def attend(self, now: float, condition: Condition) -> bool:
        """Say what is due to the manager, answer those who ask. Whether the broker is to be asked how much
        waits there (`told`)."""
        if self._next_beat == float("inf"):
            return False
        if condition.staffed:
            self._staffed_at = now
        judgement = judge(condition, now - self._staffed_at, now)
        self._next_beat = now + (BEAT if judgement.ready else IMPATIENT_BEAT)
        self._notifier.tell(
            now, condition.state, judgement.live, judgement.ready, _status(condition, judgement)
        )
        return self._responder is not None and self._attend_visitors(
            self._responder, now, condition, judgement
        )

    def told(self, backlog: Backlog, now: float) -> None:
        """The broker's answer; to be passed on by `attend`, which is due at once."""
        self._backlog.tell(backlog, now)
        self._next_beat = now

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

    def _attend_visitors(
        self, responder: Responder, now: float, condition: Condition, judgement: Judgement
    ) -> bool:
        for visitor in responder.receive(now):
            if visitor.path == "/metrics" and self._metrics is not None:
                self._scrapers.append(visitor)
            else:
                responder.answer(visitor, _answer(visitor.path, condition, judgement))
        if not self._scrapers or self._metrics is None:
            return False
        ask = self._backlog.ask(condition, now)
        if self._backlog.is_awaited(condition, now):
            self._next_beat = min(self._next_beat, self._backlog.wait_until())
            return ask
        text = self._metrics.text(condition, judgement, self._backlog, now)
        for visitor in self._scrapers:
            responder.answer(visitor, Answer(HTTPStatus.OK, METRICS_TYPE, text))
        self._scrapers.clear()
        return False


def _exposition() -> Exposition | None:
    try:
        from runtime.worker.health.exposition import Exposition
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        logger.warning("No /metrics: %s", NO_METRICS)
        return None
    return Exposition()


def _answer(path: str, condition: Condition, judgement: Judgement) -> Answer:
    if path == "/livez":
        return _verdict(judgement.not_live, condition)
    if path == "/readyz":
        return _verdict(judgement.not_ready, condition)
    if path == "/metrics":
        return Answer(HTTPStatus.NOT_IMPLEMENTED, "text/plain", f"{NO_METRICS}\n".encode())
    return Answer(HTTPStatus.NOT_FOUND, "text/plain", b"there are /livez, /readyz and /metrics\n")


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
