from __future__ import annotations

import types
from datetime import timedelta
from typing import Any

import pytest
from celery.app.defaults import DEFAULTS as CELERYS

from runtime.errors import ImproperlyConfigured
from runtime.settings import DEFINITIONS, SettingHasNoEffect, Settings
from runtime.settings.definitions.inert import INERT, inert_reason
from runtime.settings.source import read


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_BROKER_URL", raising=False)
    monkeypatch.delenv("RUNTIME_RESULT_BACKEND", raising=False)


def test_every_default_is_a_value_that_the_setting_allows() -> None:
    for setting in DEFINITIONS.values():
        assert setting.kind.read(setting.default) == setting.default, setting.name


def test_every_setting_of_celery_is_known_once() -> None:
    for name in CELERYS:
        assert (name in DEFINITIONS) != (inert_reason(name) is not None), name
    assert not INERT.keys() & DEFINITIONS.keys()


def test_the_default_broker_and_result_store_need_no_server() -> None:
    conf = Settings()
    assert (conf.broker_url, conf.result_backend) == ("embedded://", "embedded://")
    assert conf.changed() == {}


def test_with_another_broker_results_are_stored_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_RESULT_BACKEND", raising=False)
    assert Settings({"broker_url": "embedded:///srv"}).result_backend == "embedded:///srv"
    settings = Settings({"broker_url": "redis://r/0"})
    assert settings.result_backend is None
    assert "result_backend" not in settings.changed()
    settings.result_backend = "redis://r/1"
    settings.broker_url = "redis://other/0"
    assert settings.result_backend == "redis://r/1"
    monkeypatch.setenv("RUNTIME_RESULT_BACKEND", "redis://r/2")
    assert Settings({"broker_url": "redis://r/0"}).result_backend == "redis://r/2"


def test_the_environment_replaces_defaults_but_not_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_BROKER_URL", "redis://one")
    monkeypatch.setenv("RUNTIME_RESULT_BACKEND", "redis://two")
    conf = Settings({"result_backend": None})
    assert (conf.broker_url, conf.result_backend) == ("redis://one", None)


def test_attributes_and_items_are_the_same() -> None:
    conf = Settings({"task_acks_late": True})
    conf["worker_lease"] = 3
    assert conf["task_acks_late"] is conf.task_acks_late is True
    assert conf.worker_lease == conf.get("worker_lease") == 3
    assert "worker_lease" in conf
    assert len(list(conf)) == len(conf) == len(DEFINITIONS)
    assert conf.changed() == {"task_acks_late": True, "worker_lease": 3}


def test_an_unknown_name_gets_the_nearest_one() -> None:
    conf = Settings()
    wanted = "no setting 'task_acks_lte'; did you mean 'task_acks_late'"
    with pytest.raises(ImproperlyConfigured, match=wanted):
        conf.task_acks_lte = True
    with pytest.raises(AttributeError, match=wanted):
        conf.task_acks_lte  # noqa: B018
    with pytest.raises(KeyError, match="did you mean"):
        conf["task_acks_lte"]


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("task_acks_late", 1, "True or False"),
        ("worker_lease", "8", "a number of seconds"),
        ("worker_lease", float("nan"), "a number of seconds"),
        ("worker_lease", -1, "above 0"),
        ("worker_prefetch_multiplier", "much", "one of 'auto' or a whole number of at least 0"),
        ("worker_concurrency", 0, "a whole number of at least 1, or None"),
        (
            "accept_content",
            "json",
            "a list of serializers (json, msgpack, yaml, pickle) or their content types",
        ),
        ("include", "proj/tasks.py", "a list of modules' names, such as 'proj.tasks'"),
        ("include", [".tasks"], "a list of modules' names, such as 'proj.tasks'"),
        ("broker_url", "", "a URL of redis://, "),
        ("control_exchange", "", "a non-empty string"),
        ("broker_transport_options", [], "a dict"),
        ("task_default_priority", 10, "a whole number from 0 to 9"),
        ("task_default_priority", True, "a whole number from 0 to 9"),
        ("timezone", "Europe/Berln", "a time zone that this machine knows, such as 'Europe/Berlin' ("),
        ("timezone", "Europe/Berln", "; did you mean 'Europe/Berlin'?"),
        ("timezone", "Europe", "a time zone that this machine knows"),
        ("timezone", "../etc/passwd", "a time zone that this machine knows"),
        (
            "task_serializer",
            "jsn",
            "one of 'json', 'msgpack', 'yaml', 'pickle'; it is 'jsn'; did you mean 'json'?",
        ),
        ("result_serializer", "xml", "one of 'json', "),
        ("accept_content", ["json", "pickel"], "; did you mean 'pickle'?"),
        ("accept_content", ["application/jsn"], "; did you mean 'application/json'?"),
        ("task_compression", "bz", "did you mean 'bz2'?"),
        ("worker_lease", 0, "a number of seconds (or a timedelta) above 0"),
        ("worker_lease_renewal", 0, "above 0, or None"),
        ("worker_max_lifetime_per_child", 0, "above 0, or None"),
        ("task_routes", "celery", "a dict of task name or glob"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(name: str, value: Any, right: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name) as caught:
        Settings({name: value})
    assert repr(value) in str(caught.value)
    assert right in str(caught.value)


def test_an_update_with_a_wrong_value_changes_nothing() -> None:
    conf = Settings()
    with pytest.raises(ImproperlyConfigured):
        conf.update(task_acks_late=True, worker_lease="x")
    assert conf.changed() == {}


def test_a_setting_without_effect_is_accepted_with_a_warning() -> None:
    with pytest.warns(SettingHasNoEffect, match="broker_heartbeat has no effect: it concerns AMQP"):
        Settings({"broker_heartbeat": 10})
    with pytest.warns(SettingHasNoEffect, match="another result store"):
        Settings({"cassandra_servers": ["x"]})


def test_durations_may_be_timedeltas() -> None:
    assert Settings({"result_expires": timedelta(hours=1)}).result_expires == 3600


def test_secrets_are_not_shown() -> None:
    conf = Settings(
        {
            "broker_url": "redis://me:hidden@host/1",
            "broker_transport_options": {"password": "hidden", "url": "redis://:hidden@x", "sep": ":"},
        }
    )
    shown = conf.shown()
    assert "hidden" not in str(shown)
    assert shown["broker_url"] == "redis://me:********@host/1"
    assert shown["broker_transport_options"]["sep"] == ":"
    assert conf.broker_url == "redis://me:hidden@host/1"


def test_a_module_is_read_without_what_is_no_setting() -> None:
    module = types.ModuleType("configuration")
    module.__dict__.update(types=types, task_acks_late=True, HOST="x", _own=1, Settings=Settings, read=read)
    assert read(module) == {"task_acks_late": True}
    module.__dict__["task_ack_late"] = True
    with pytest.raises(ImproperlyConfigured, match="did you mean 'task_acks_late'"):
        Settings().update(read(module))


def test_with_a_namespace_only_its_names_count() -> None:
    source = {"CELERY_TASK_ACKS_LATE": True, "DEBUG": True, "CELERY_BROKER_URL": "redis://"}
    assert read(source, namespace="CELERY") == {"task_acks_late": True, "broker_url": "redis://"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BROKER_URL", "broker_url"),
        ("CELERY_RESULT_BACKEND", "result_backend"),
        ("CELERYD_CONCURRENCY", "worker_concurrency"),
        ("CELERY_TASK_SERIALIZER", "task_serializer"),
        ("CELERY_ACKS_LATE", "task_acks_late"),
        ("CELERYBEAT_SCHEDULE", "beat_schedule"),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{old} is the old name of a setting; write {new}"):
        read({old: "x"})


def test_a_source_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("its_settings")
    module.__dict__["dev"] = {"worker_lease": 2}
    monkeypatch.setitem(__import__("sys").modules, "its_settings", module)
    assert read("its_settings:dev") == {"worker_lease": 2}
    with pytest.raises(ImproperlyConfigured, match="module 'its_settings' has no 'prod'"):
        read("its_settings:prod")
    with pytest.raises(ImproperlyConfigured, match="no configuration module 'no_such_module'"):
        read("no_such_module")
