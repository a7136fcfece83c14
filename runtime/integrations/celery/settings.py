"""A Celery app's configuration as our settings: what the supervisor goes by.

Celery's own code in the children goes on reading the app's configuration itself. What is taken over
here has the same name and meaning in both, unless a function below says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from brokers.registry import SCHEMES, transport_options
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery.equals import How, of_setting
from runtime.protocol import serializers
from runtime.settings import DEFINITIONS
from runtime.settings.settings import check, masked

if TYPE_CHECKING:
    from celery import Celery


class Translated(NamedTuple):
    settings: dict[str, Any]
    """Ours, checked."""
    lost: dict[str, str]
    """Celery's settings that were set and have no equal → why, in a few words."""


HERE = ("broker_url", "broker_transport_options", "result_backend", "result_backend_transport_options")
"""Read by functions of their own."""
THEIRS = ("task_always_eager", "task_annotations", "task_queues")
"""Celery's own code goes by them; the values are not what ours would be."""


DERIVED = {
    "broker_read_url": "broker_url",
    "broker_write_url": "broker_url",
    "task_default_exchange": "task_default_queue",
    "task_default_routing_key": "task_default_queue",
}
"""Name → where its value comes from if it is not set."""


UNSET: Any = object()


def changed(app: Celery) -> dict[str, Any]:
    """Celery's lowercase name → value, for all that is not at its default, whatever it was called where it
    was set: with a namespace, or by an old name."""
    from celery.app.defaults import NAMESPACES, flatten

    values = {name: (getattr(app.conf, name), option.default) for name, option in flatten(NAMESPACES)}
    return {
        name: value
        for name, (value, default) in values.items()
        if value != default and value != values.get(DERIVED.get(name, ""), (default,))[0]
    }


def translated(app: Celery) -> Translated:
    """Raises ImproperlyConfigured if the broker is none that we speak to."""
    found = Translated({}, {})
    for name, value in changed(app).items():
        equal = of_setting(name)
        if equal.how is How.NONE:
            found.lost[name] = equal.note
        elif name in DEFINITIONS and name not in (*HERE, *THEIRS):
            _take(found, name, value, told=equal.how is How.SAME)
    broker_url = _broker_url(app)
    found.settings["broker_url"] = _with_tls(broker_url, app.conf.broker_use_ssl)
    options = dict(app.conf.broker_transport_options or {})
    found.settings["broker_transport_options"] = _known(
        found, "broker_transport_options", broker_url, _with_tls_options(options, app.conf.broker_use_ssl)
    )
    _take_queues(found, app)
    _take_results(found, app)
    _take_ours(found, app)
    if app.conf.task_acks_on_failure_or_timeout is False:
        for name in ("task_acks_on_failure", "task_acks_on_timeout"):
            found.settings.setdefault(name, False)
    return found


def stores_elsewhere(app: Celery) -> bool:
    """There is a result store, and we do not speak to it."""
    backend = str(app.conf.result_backend or "disabled")
    return not backend.startswith("disabled") and results_of(app) is None


def results_of(app: Celery) -> str | None:
    """URL of the result store if we speak to it too; None: the children alone do, or there is none."""
    url = app.conf.result_backend
    if url == "redis":
        conf = app.conf
        login = f":{conf.redis_password}@" if conf.redis_password else ""
        url = (
            f"redis://{login}{conf.redis_host or 'localhost'}:{conf.redis_port or 6379}/{conf.redis_db or 0}"
        )
    scheme = str(url).partition("://")[0]
    return url if scheme in SCHEMES and scheme != "embedded" else None


def _take(found: Translated, name: str, value: Any, told: bool) -> None:
    """`told`: somebody would miss it if it cannot be taken."""
    try:
        found.settings[name] = check(name, ADAPTED[name](value) if name in ADAPTED else value)
    except (ImproperlyConfigured, ValueError, TypeError) as error:
        if told:
            found.lost[name] = str(error)


def _broker_url(app: Celery) -> str:
    url = app.conf.broker_read_url
    if isinstance(url, list | tuple):
        url = url[0]
    if not url or "://" not in str(url):
        url = app.connection_for_read().as_uri(include_password=True)
    url = str(url)
    if not url.startswith("sentinel://"):
        url = url.partition(";")[0]  # the first of several, between which Celery would fail over
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"broker {masked('broker_url', url)!r} of the Celery app: must be one of {', '.join(SCHEMES)}"
        )
    return url


def _take_queues(found: Translated, app: Celery) -> None:
    """All that it declares, with what Celery makes of its defaults."""
    queues = [queue for queue in app.amqp.queues.values() if not is_broadcast(queue)]
    _take(found, "task_queues", queues, told=True)


def _take_ours(found: Translated, app: Celery) -> None:
    """Those that Celery does not know, and keeps all the same."""
    from celery.app.defaults import NAMESPACES, flatten

    for name in DEFINITIONS.keys() - dict(flatten(NAMESPACES)).keys():
        value = app.conf.get(name, UNSET)
        if value is not UNSET:
            _take(found, name, value, told=True)


def is_broadcast(queue: Any) -> bool:
    """Of a fanout exchange: there is no list to take from."""
    return queue.exchange is not None and queue.exchange.type == "fanout"


def _take_results(found: Translated, app: Celery) -> None:
    url = results_of(app)
    tls = app.conf.redis_backend_use_ssl
    found.settings["result_backend"] = None if url is None else _with_tls(url, tls)
    options = dict(app.conf.result_backend_transport_options or {}) if url is not None else {}
    found.settings["result_backend_transport_options"] = (
        {}
        if url is None
        else _known(found, "result_backend_transport_options", url, _with_tls_options(options, tls))
    )


def _with_tls(url: str, tls: Any) -> str:
    return f"rediss{url.removeprefix('redis')}" if tls and url.startswith("redis://") else url


def _with_tls_options(options: dict[str, Any], tls: Any) -> dict[str, Any]:
    """Celery has them beside the transport options."""
    return {**options, **tls} if isinstance(tls, dict) else options


def _known(found: Translated, name: str, url: str, options: dict[str, Any]) -> dict[str, Any]:
    known = transport_options()
    unknown = sorted(set(options) - known)
    if unknown:
        found.lost[name] = f"{', '.join(unknown)}: no such option here"
    return {option: value for option, value in options.items() if option in known}


def _accepted(value: Any) -> list[str]:
    """Those that the supervisor can read. It reads a body only to tell what fails with a lost task."""
    readable = []
    for name in value:
        try:
            serializers.named(name)
        except ImproperlyConfigured:
            continue
        readable.append(name)
    return readable


def _concurrency(value: Any) -> int | None:
    return None if value == "auto" else int(value)


ADAPTED: dict[str, Callable[[Any], Any]] = {
    "accept_content": _accepted,
    "task_default_priority": int,
    "timezone": str,
    "worker_concurrency": _concurrency,
    "worker_state_db": lambda path: f"{path}.runtime",  # Celery's own has another form
}
"""Name → what makes ours of Celery's value."""
