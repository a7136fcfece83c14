from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import kombu
import pytest

from brokers import envelope
from brokers.interface import Push
from runtime import App
from runtime.canvas.signature import Signature
from runtime.errors import ImproperlyConfigured
from runtime.protocol.calls import complete, compose
from runtime.protocol.routing import queues_of
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import TaskMessage, read
from runtime.settings import Settings

Exchange: Any = kombu.Exchange
KombuQueue: Any = kombu.Queue
JSON = accepted_types(["json"])


def pushes(conf: dict[str, Any], options: Any, declared: Any = None, name: str = "t.add") -> list[Push]:
    settings = Settings(conf)
    options = complete(settings, name, (1,), {}, options, declared)
    return compose(settings, name, (1,), {}, options, queues_of(settings, options))


def sent(*, conf: dict[str, Any] | None = None, declared: Any = None, **options: Any) -> TaskMessage:
    return read(envelope.parse(pushes(conf or {}, options, declared)[0].message))


def queue(conf: dict[str, Any], declared: Any = None, name: str = "t.add", **options: Any) -> str:
    [push] = pushes(conf, options, declared, name)
    return push.queue


def by_argument(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_: Any) -> Any:
    return {"queue": f"argument-{args[0]}"} if args else None


class Router:
    """As Celery 3 had them."""

    def route_for_task(self, task: str, args: Any = None, kwargs: Any = None) -> str:
        return f"of {task}"


def test_where_a_task_goes() -> None:
    routes = {"t.add": "exact", "t.*": {"queue": "glob", "priority": 4}, "*": "late"}
    assert queue({}) == "celery"
    assert queue({"task_default_queue": "d"}) == "d"
    assert queue({"task_routes": routes}) == "exact"
    assert queue({"task_routes": routes}, name="t.other") == "glob"
    assert queue({"task_routes": routes}, name="other") == "late"
    assert queue({"task_routes": [{"x": "x"}, routes]}) == "exact"
    assert queue({"task_routes": [lambda *call: None, lambda name, *rest: f"of {name}"]}) == "of t.add"
    assert queue({"task_routes": [f"{__name__}.by_argument"]}) == "argument-1"
    assert queue({"task_routes": [f"{__name__}.Router"]}) == queue({"task_routes": Router()}) == "of t.add"
    pairs = [("t.other", "exact"), (re.compile(r"t\.(a|b)"), {"queue": KombuQueue("pattern")}), ("*", "late")]
    assert [queue({"task_routes": [pairs]}, name=name) for name in ("t.other", "t.b", "u")] == [
        "exact", "pattern", "late",
    ]  # fmt: skip
    assert queue({"task_routes": pairs}, name="t.b") == "pattern"
    for wrong in ([[("t.add", "q", 1)]], {1: "q"}, {"t.add": 3}, [("t.add", 3)], "q", 7):
        with pytest.raises(ImproperlyConfigured, match="task_routes"):
            Settings({"task_routes": wrong})
    with pytest.raises(ImportError, match=r"no_such"):
        queue({"task_routes": [f"{__name__}.no_such"]})
    assert queue({}, {"queue": "declared"}) == "declared"
    assert queue({"task_routes": routes}, {"queue": "declared"}) == "exact"
    assert queue({"task_routes": routes}, {"queue": "declared"}, queue="given") == "given"
    assert queue({}, routing_key="by-key") == "by-key"


def test_declared_queues() -> None:
    media = Exchange("media", type="topic")
    conf = {
        "task_queues": [
            "plain",
            KombuQueue("video", media, "media.video.#"),
            KombuQueue("images", media, "media.*.small"),
            KombuQueue("by-key", Exchange("direct"), "key"),
        ]
    }
    assert queue(conf) == "celery"
    assert queue(conf, exchange="media", routing_key="media.video.full.hd") == "video"
    assert queue(conf, exchange="media", routing_key="media.image.small") == "images"
    assert queue(conf, exchange="direct", routing_key="key") == "by-key"
    assert queue(conf, routing_key="plain") == "plain"
    both = pushes(conf, {"exchange": "media", "routing_key": "media.video.small", "task_id": "7"})
    assert [push.queue for push in both] == ["video", "images"]
    messages = [envelope.parse(push.message) for push in both]
    assert [each.properties["delivery_info"]["routing_key"] for each in messages] == ["video", "images"]
    assert len({each.properties["delivery_tag"] for each in messages}) == 2
    assert messages[0].headers == messages[1].headers
    assert queues_of(Settings(conf), {"exchange": "media", "routing_key": "other"}) == []
    assert queues_of(Settings(conf), {"exchange": "unknown", "routing_key": "key"}) == []
    assert queue(conf, queue="other") == "other"
    with pytest.raises(ValueError, match="queue 'other' is not one of task_queues, plain, video, images"):
        queue({**conf, "task_create_missing_queues": False}, queue="other")
    by_name = {"task_queues": {"a": {"exchange": "x", "exchange_type": "topic", "binding_key": "a.#"}}}
    assert queue(by_name, exchange="x", routing_key="a.b") == "a"
    with pytest.raises(ImproperlyConfigured, match="task_queues"):
        queue({"task_queues": [KombuQueue("all", Exchange("all", type="fanout"))]})


def test_priorities() -> None:
    assert sent().priority == 0
    assert sent(conf={"task_default_priority": 5}).priority == 5
    assert sent(conf={"task_default_priority": 5}, priority=0).priority == 0
    [push] = pushes({"task_routes": {"*": {"queue": "q", "priority": 4}}}, {})
    assert (push.queue, push.priority) == ("q", 4)


def test_times() -> None:
    moment = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert sent(eta=moment).eta == moment.timestamp()
    assert sent(eta="2030-01-01T10:00:00Z").eta == moment.timestamp()
    naive = datetime(2030, 1, 1, 12)
    assert sent(eta=naive).eta == datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()
    assert sent(eta=naive, conf={"timezone": "Etc/GMT-2"}).eta == moment.timestamp()
    assert sent(countdown=5).eta == pytest.approx(time.time() + 5, abs=1)
    assert sent(expires=timedelta(seconds=5)).expires == pytest.approx(time.time() + 5, abs=1)
    assert sent(countdown=0).eta is None


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"countdown": float("nan")}, ValueError, "countdown must be a finite number"),
        ({"countdown": 1e30}, ValueError, "is no time"),
        ({"countdown": "5"}, TypeError, "countdown must be seconds"),
        ({"eta": 5}, TypeError, "seconds go into countdown"),
        ({"eta": "tomorrow"}, ValueError, "tomorrow"),
        ({"expires": []}, TypeError, "expires must be seconds"),
        ({"contdown": 5}, TypeError, "did you mean 'countdown'"),
        ({"serializer": "xml"}, ImproperlyConfigured, "no serializer 'xml'"),
        ({"compression": "zip"}, ImproperlyConfigured, "no compression 'zip'"),
        ({"priority": 77}, ValueError, "a whole number from 0 to 9, not 77"),
        ({"priority": -1}, ValueError, "a whole number from 0 to 9, not -1"),
        ({"priority": True}, ValueError, "a whole number from 0 to 9, not True"),
    ],
)
def test_an_option_that_is_wrong_is_named(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        sent(**options)


def test_stamps_and_properties_travel() -> None:
    message = sent(stamped_headers=["tenant"], tenant=7, app_id="a", headers={"own": 1})
    assert (message.stamped_headers, message.stamps) == (["tenant"], {"tenant": 7})
    assert message.properties["app_id"] == "a"
    assert message.custom_headers == {"own": 1}


def signature(**changes: Any) -> dict[str, Any]:
    fields = {"task": "t.next", "args": [3], "kwargs": {"a": 1}, "options": {}, "immutable": False}
    return {**fields, "subtask_type": None, **changes}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"task": 3},
        {"task": "t", "args": "x"},
        {"task": "t", "options": [1]},
        {"task": "t", "subtask_type": "x"},
        {"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": 3}},
    ],
)
def test_what_is_no_signature_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a signature's"):
        Signature.from_dict(fields)


def test_a_signature_is_data() -> None:
    made = Signature("t.next", (3,), {"a": 1})
    assert Signature.from_dict(made.to_dict()) == made
    assert made.to_dict() == signature()
    assert repr(made) == "t.next(3, a=1)"
    callback = made.link(Signature("t.after"))
    assert made.clone((1,), queue="q").options == {"link": [callback], "queue": "q"}
    assert made.set(immutable=True, priority=3).immutable
    app = App("t")
    assert made.sender is app.sender  # of the current app
