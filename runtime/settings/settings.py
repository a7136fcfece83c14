"""`app.conf`: the settings of one app."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.errors import ImproperlyConfigured
from runtime.near import did_you_mean
from runtime.settings.definitions.beat import BEAT
from runtime.settings.definitions.general import BROKER, CONTROL, GENERAL, RESULT
from runtime.settings.definitions.inert import INERT, inert_reason
from runtime.settings.definitions.task import TASK
from runtime.settings.definitions.worker import WORKER
from runtime.settings.setting import Setting

DEFINITIONS: dict[str, Setting] = {
    setting.name: setting for setting in (*GENERAL, *BROKER, *CONTROL, *RESULT, *TASK, *WORKER, *BEAT)
}

ENVIRONMENT = {"broker_url": "RUNTIME_BROKER_URL", "result_backend": "RUNTIME_RESULT_BACKEND"}
"""Settings whose default an environment variable replaces."""


SECRET = ("password", "secret", "token", "key_id", "access_key", "security_key")
"""What in a name, of a setting or of an option, makes its value a secret."""
PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*@")
MASK = "********"


class SettingHasNoEffect(UserWarning):
    """A setting of Celery's that does nothing here."""


class Settings:
    """Attributes and items by Celery's lowercase names; what was not set has its default.

    Setting raises ImproperlyConfigured for a name that does not exist or a value that is not allowed.
    """

    # Values live in the instance's __dict__, so that reading one costs no call of ours: it is done
    # several times for each message sent. What was set, and not left at its default, is remembered here.
    __slots__ = ("__dict__", "_changed")

    def __init__(self, changes: Mapping[str, Any] = {}) -> None:
        object.__setattr__(self, "_changed", set())
        self.__dict__.update(defaults())
        self.update(changes)

    def __getattr__(self, name: str) -> Any:
        """Only for names without a value."""
        if name in INERT:
            return None
        raise AttributeError(unknown(name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._store({name: check(name, value)})

    def __getitem__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            raise KeyError(unknown(name)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def get(self, name: str, default: Any = None) -> Any:
        return self.__dict__.get(name, default)

    def update(self, changes: Mapping[str, Any] = {}, /, **more: Any) -> None:
        """Set several; none of them if one is wrong."""
        self._store({name: check(name, value) for name, value in {**changes, **more}.items()})

    def _store(self, checked: Mapping[str, Any]) -> None:
        self.__dict__.update(checked)
        self._changed.update(checked)
        if "broker_url" in checked and "result_backend" not in self._changed:
            self.__dict__["result_backend"] = default_backend(self.broker_url)

    def changed(self) -> dict[str, Any]:
        """What was set, without the defaults."""
        return {name: self.__dict__[name] for name in sorted(self._changed)}

    def shown(self) -> dict[str, Any]:
        """The same for the eyes of others: secrets and passwords in URLs are masked."""
        return {name: masked(name, value) for name, value in self.changed().items()}


def defaults() -> dict[str, Any]:
    """Fresh copies; the environment variables in ENVIRONMENT are read here."""
    values: dict[str, Any] = {
        name: setting.default.copy() if isinstance(setting.default, dict) else setting.default
        for name, setting in DEFINITIONS.items()
    }
    values.update({name: os.environ[key] for name, key in ENVIRONMENT.items() if os.environ.get(key)})
    if values["result_backend"] is None:
        values["result_backend"] = default_backend(values["broker_url"])
    return values


def default_backend(broker_url: str) -> str | None:
    """Where results are stored if nobody says so: with the embedded broker; else nowhere, as in Celery. (A
    server of our own on each host, whose results the others cannot read, is worse than none.)"""
    given = os.environ.get(ENVIRONMENT["result_backend"])
    return given or (broker_url if broker_url.startswith("embedded:") else None)


def check(name: str, value: Any) -> Any:
    """The value as the program uses it. Raises ImproperlyConfigured; warns if it has no effect."""
    setting = DEFINITIONS.get(name)
    if setting is None:
        reason = inert_reason(name)
        if reason is None:
            raise ImproperlyConfigured(unknown(name))
        warnings.warn(f"setting {name} has no effect: {reason}", SettingHasNoEffect, stacklevel=4)
        return value
    try:
        return setting.kind.read(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} {setting.kind.refusal(masked(name, value))}") from None


def masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: masked(str(key), item) for key, item in value.items()}
    if value and any(word in name for word in SECRET):
        return MASK
    return PASSWORD.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value


def unknown(name: str) -> str:
    """What to say of a name that is no setting."""
    return f"there is no setting {name!r}{did_you_mean(name, DEFINITIONS)}"
