"""A Celery app's configuration, as our settings."""

from __future__ import annotations

import ssl
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import kombu
import pytest
from celery import Celery
from kombu.common import Broadcast

from brokers.queue import Queue
from runtime.errors import ImproperlyConfigured
from runtime.integrations.celery.settings import Translated, translated
from runtime.settings import Settings

URL = "redis://somewhere:1/2"


def app(**settings: Any) -> Celery:
    made = Celery("proj", broker=URL, set_as_current=False)
    made.conf.update(settings)
    return made


def taken(**settings: Any) -> Translated:
    return translated(app(**settings))


def test_what_is_not_set_keeps_our_default() -> None:
    found = taken()
    assert found.lost == {}
    assert found.settings == {
        "broker_url": URL,
        "broker_transport_options": {},
        "result_backend": None,
        "result_backend_transport_options": {},
        "task_queues": (Queue.plain("celery"),),
    }
    Settings(found.settings)


def test_queues_are_what_celery_makes_of_them() -> None:
    untyped: Any = kombu
    zoo, broadcast = untyped.Exchange("zoo", type="topic"), cast(Any, Broadcast)("all")
    queues = [untyped.Queue("a", zoo, routing_key="a.#"), untyped.Queue("b"), broadcast]
    found = taken(task_queues=queues, task_default_queue="d", worker_direct=True)
    assert found.lost == {}
    expected = (Queue("a", "zoo", "topic", "a.#"), Queue("b", "d", "direct", "d"))
    assert found.settings["task_queues"] == expected
    assert found.settings["worker_direct"] is True


def test_what_both_have_is_taken_over() -> None:
    found = taken(
        task_acks_late=True,
        task_time_limit=7,
        worker_concurrency=3,
        worker_prefetch_multiplier=1,
        task_default_queue="q",
        result_expires=timedelta(hours=1),
        result_backend="redis://other/1",
        worker_max_tasks_per_child=5,
        worker_state_db="/var/lib/state",
        accept_content=["json", "auth", "pickle"],
        task_routes=lambda *args: None,
    )
    assert found.lost == {}
    expected = {
        "task_acks_late": True, "task_time_limit": 7, "worker_concurrency": 3,
        "worker_prefetch_multiplier": 1, "task_default_queue": "q", "result_expires": 3600, "result_backend": "redis://other/1",
        "worker_max_tasks_per_child": 5, "accept_content": ("json", "pickle"),
        "worker_state_db": "/var/lib/state.runtime",
    }  # fmt: skip
    assert {name: found.settings[name] for name in expected} == expected
    Settings(found.settings)


def test_old_names_and_a_namespace() -> None:
    old = Celery("proj", broker=URL, set_as_current=False)
    old.config_from_object({"CELERY_ACKS_LATE": True, "CELERYD_CONCURRENCY": 3, "BROKER_URL": URL})
    assert translated(old).settings["task_acks_late"] is True
    assert translated(old).settings["worker_concurrency"] == 3
    django = SimpleNamespace(CELERY_BROKER_URL=URL, CELERY_TASK_TIME_LIMIT=9, CELERY_NO_SUCH=1, OTHER=2)
    named = Celery("proj", set_as_current=False)
    named.config_from_object(django, namespace="CELERY")
    assert translated(named).settings["task_time_limit"] == 9
    assert translated(named).settings["broker_url"] == URL


def test_our_own_settings_are_read_too() -> None:
    given = {"worker_lease": 3, "worker_dead_letters_expires": None}
    found = taken(**given, task_max_deliveries=-1)
    assert {name: found.settings[name] for name in given} == given
    assert "task_max_deliveries" in found.lost
    named = Celery("proj", set_as_current=False)
    django = SimpleNamespace(CELERY_BROKER_URL=URL, CELERY_TASK_MAX_DELIVERIES=5)
    named.config_from_object(django, namespace="CELERY")
    assert translated(named).settings["task_max_deliveries"] == 5


def test_one_setting_for_two() -> None:
    found = taken(task_acks_on_failure_or_timeout=False, task_acks_on_timeout=True).settings
    assert (found["task_acks_on_failure"], found["task_acks_on_timeout"]) == (False, True)


def test_what_has_no_equal_is_named() -> None:
    found = taken(
        worker_timer="mine",
        worker_concurrency="many",
        broker_transport_options={"global_keyprefix": "p-", "socket_keepalive_options": {}},
    )
    assert set(found.lost) == {"worker_timer", "worker_concurrency", "broker_transport_options"}
    assert "socket_keepalive_options" in found.lost["broker_transport_options"]
    assert found.settings["broker_transport_options"] == {"global_keyprefix": "p-"}


def test_tls_and_other_forms_of_the_address() -> None:
    tls = {"ssl_cert_reqs": ssl.CERT_NONE}
    found = taken(broker_use_ssl=tls, redis_backend_use_ssl=tls, result_backend="redis://other/1").settings
    assert found["broker_url"] == "rediss://somewhere:1/2"
    assert found["result_backend"] == "rediss://other/1"
    assert found["broker_transport_options"] == found["result_backend_transport_options"] == tls
    assert (
        taken(result_backend="redis", redis_host="h", redis_db=3).settings["result_backend"]
        == "redis://h:6379/3"
    )
    assert taken(broker_url="redis://a;redis://b").settings["broker_url"] == "redis://a"
    assert taken(result_backend="db+sqlite:///x").settings["result_backend"] is None


@pytest.mark.parametrize("url", ["amqp://guest@localhost//", "sqs://", "memory://"])
def test_another_broker_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"broker '.*' of the Celery app: must be one of redis"
    ) as caught:
        taken(broker_url=url)
    assert "\n" not in str(caught.value)
