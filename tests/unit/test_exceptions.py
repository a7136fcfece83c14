from __future__ import annotations

import sys
import time
from typing import Any

import celery.exceptions
import pytest
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError

from runtime import errors
from runtime.protocol import json_dialect
from runtime.results.exceptions import from_wire, to_wire


class Outer:
    class Inner(Exception):
        pass


class Picky(Exception):
    """Takes other arguments than those it keeps."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


def there_and_back(error: BaseException) -> BaseException:
    return from_wire(json_dialect.loads(json_dialect.dumps(to_wire(error))))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("wrong", 7),
        KeyError("x"),
        Outer.Inner({"a": [1]}),
        Picky(3, "x"),
        errors.TaskRevokedError("expired"),
        errors.NotRegistered("t.add"),
        errors.MaxRetriesExceededError("too often"),
        errors.Reject("no", True),
        errors.EncodeError("cannot"),
        errors.TimeoutError("late"),
        TimeLimitExceeded(5),
        SoftTimeLimitExceeded(),
        WorkerLostError("signal 9"),
        SystemExit(3),
    ],
    ids=repr,
)
def test_class_and_arguments_come_back(error: BaseException) -> None:
    found = there_and_back(error)
    assert type(found) is type(error)
    assert found.args == error.args


@pytest.mark.parametrize(
    ("error", "module", "name", "message"),
    [
        (errors.TaskRevokedError("revoked"), "celery.exceptions", "TaskRevokedError", ["revoked"]),
        (errors.NotRegistered("t.add"), "celery.exceptions", "NotRegistered", ["t.add"]),
        (errors.Reject("no", False), "celery.exceptions", "Reject", ["no", False]),
        (errors.EncodeError("x"), "kombu.exceptions", "EncodeError", ["x"]),
        (TimeLimitExceeded(5), "billiard.exceptions", "TimeLimitExceeded", [5]),
        (Outer.Inner(), __name__, "Outer.Inner", []),
    ],
)
def test_the_forms_on_which_clients_rely(
    error: Exception, module: str, name: str, message: list[Any]
) -> None:
    assert to_wire(error) == {"exc_module": module, "exc_type": name, "exc_message": message}


def test_what_celery_sent_comes_back_as_ours() -> None:
    sent = {"exc_type": "ChordError", "exc_module": "celery.exceptions", "exc_message": ["Dependency x"]}
    assert type(from_wire(sent)) is errors.ChordError


def test_every_class_of_ours_is_one_of_celerys_under_its_wire_module() -> None:
    for kind, module in errors.WIRE_MODULES.items():
        assert issubclass(getattr(sys.modules[module], kind.__name__), Exception)
    assert celery.exceptions


def test_an_argument_that_cannot_be_encoded_is_printed() -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError

    (text, number, unprintable) = there_and_back(ValueError(object, 1, Unprintable())).args
    assert (text, number) == ("<class 'object'>", 1)
    assert "Unprintable" in unprintable


def test_an_unknown_class_is_made_up() -> None:
    found = from_wire({"exc_type": "Gone", "exc_module": "not.imported", "exc_message": ["x"]})
    assert (type(found).__name__, type(found).__module__, found.args) == ("Gone", "not.imported", ("x",))
    assert "not.imported" not in sys.modules
    bare = from_wire({"exc_type": "Bare", "exc_module": None, "exc_message": "only text"})
    assert bare.args == ("only text",)


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "eval"), ("builtins", "int")])
def test_what_is_no_exception_is_refused(module: str, name: str) -> None:
    with pytest.raises(errors.SecurityError, match=f"{module}.{name} is no exception class"):
        from_wire({"exc_type": name, "exc_module": module, "exc_message": ["rm"]})


@pytest.mark.parametrize("stored", [3, "x", [], {}, {"exc_type": 3}])
def test_what_is_no_stored_exception_is_a_decode_error(stored: Any) -> None:
    with pytest.raises(errors.DecodeError):
        from_wire(stored)


def test_our_timeout_is_the_builtin_one_too() -> None:
    assert issubclass(errors.TimeoutError, TimeoutError)


@pytest.mark.parametrize("error", [None, ValueError("x")])
@pytest.mark.parametrize("wait", [1, 3600])
def test_a_retry_says_why_and_when_as_celerys(error: ValueError | None, wait: int) -> None:
    theirs = celery.exceptions.Retry(exc=error, when=wait)
    assert str(errors.Retry(exc=error, when=time.time() + wait)) == str(theirs)


def test_a_retry_at_once_says_why() -> None:
    assert str(errors.Retry(exc=ValueError("x"))) == "Retry: ValueError('x')"
