"""No message stops the worker or blocks those behind it; what is wrong with it is kept."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

HEADERS: dict[str, Any] = {
    "task": "tests.support.app.add",
    "id": "bad-1",
    "lang": "py",
    "eta": None,
    "expires": None,
}
PROPERTIES = {
    "body_encoding": "base64",
    "delivery_info": {"exchange": "", "routing_key": "celery"},
    "priority": 0,
}
BODY = [[1, 2], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


def message(body: object = BODY, raw: str | None = None, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "body": raw if raw is not None else b64encode(json.dumps(body).encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": HEADERS,
        "properties": PROPERTIES,
    }
    fields.update(changes)
    return json.dumps(fields).encode()


def deep(levels: int) -> str:
    return b64encode(b"[" * levels + b"]" * levels).decode()


NOT_MESSAGES = {
    "empty": b"",
    "not JSON": b"hello",
    "not text": b"\xff\xfe\x00",
    "truncated": message()[:80],
    "a number": b"7",
    "a list": b"[1,2]",
    "null": b"null",
    "no headers": json.dumps({"body": "", "properties": {}}).encode(),
    "headers are a list": message(headers=[]),
    "no properties": message(properties=None),
    "body is a number": message(body=7, raw=None)
    and json.dumps({**json.loads(message()), "body": 7}).encode(),
    "10,000 levels deep": b"[" * 10_000,
    "eta is no time": message(headers={**HEADERS, "eta": "tomorrow"}),
    "eta is NaN": message(headers={**HEADERS, "eta": float("nan")}),
    "eta in the year 10000": message(headers={**HEADERS, "eta": "10000-01-01T00:00:00+00:00"}),
    "expires is a list": message(headers={**HEADERS, "expires": [1]}),
    "time limit is text": message(headers={**HEADERS, "timelimit": "soon"}),
    "id is a number": message(headers={**HEADERS, "id": 7}),
    "time limit of 400 digits": message(headers={**HEADERS, "timelimit": [int("9" * 400), None]}),
    "group is half a surrogate pair": message(headers={**HEADERS, "group": "g\ud800"}),
    "id is half of a surrogate pair": message(headers={**HEADERS, "id": "\ud800"}),
    "task is a number": message(headers={**HEADERS, "task": 7}),
    "task is half of a surrogate pair": message(headers={**HEADERS, "task": "\ud800"}),
}
BAD_BODIES = {
    "not base64": message(raw="@@@"),
    "body is not JSON": message(raw=b64encode(b"{").decode()),
    "empty body": message(raw=""),
    "body is a number": message(body=7),
    "body is too short": message(body=[[]]),
    "args are text": message(body=["ab", {}, {}]),
    "kwargs are a list": message(body=[[], [], {}]),
    "body 10,000 levels deep": message(raw=deep(10_000)),
    "unknown content type": message(**{"content-type": "application/x-unheard-of"}),
    "pickle is not accepted": message(**{"content-type": "application/x-python-serialize"}),
    "unknown typed value": message(body=[[{"__type__": "what", "__value__": 1}, 2], {}, {}]),
    "bad compression": message(headers={**HEADERS, "compression": "application/x-gzip"}),
}


def works(app: App) -> bool:
    return bool(app.send_task("tests.support.app.add", (1, 1)).get(timeout=10) == 2)


def dead(server: Server) -> list[dict[str, Any]]:
    return [json.loads(entry) for entry in server.client.lrange("runtime.dead.celery", 0, -1)]


@pytest.fixture(scope="module")
def shared_worker(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: what one bad message leaves behind must not harm the next."""
    with Worker(shared_server.url(), tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def worker(shared_worker: Worker) -> Worker:
    return shared_worker


@pytest.fixture
def server(shared_server: Server) -> Server:
    """Without the results and dead letters of the test before; the worker's own keys stay."""
    left = [*shared_server.client.keys("celery-task-meta-*"), *shared_server.client.keys("runtime.dead.*")]
    if left:
        shared_server.client.delete(*left)
    return shared_server


@pytest.mark.parametrize("name", NOT_MESSAGES)
def test_what_is_no_message_is_kept_with_its_reason(
    app: App, server: Server, worker: Worker, name: str
) -> None:
    raw = NOT_MESSAGES[name]
    server.client.lpush("celery", raw)
    assert works(app)
    wait_until(lambda: len(dead(server)) == 1, 5)
    entry = dead(server)[0]
    assert entry["reason"]
    if "message" in entry:
        assert entry["message"].encode() == raw
    wait_until(lambda: not server.client.hlen("unacked"), 5)


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_kept_and_a_failure(app: App, server: Server, worker: Worker, name: str) -> None:
    server.client.lpush("celery", BAD_BODIES[name])
    with pytest.raises(Exception, match=r".") as caught:
        app.AsyncResult("bad-1").get(timeout=10)
    assert not isinstance(caught.value, TimeoutError)
    assert works(app)
    assert [entry["id"] for entry in dead(server)] == ["bad-1"]
    wait_until(lambda: not server.client.hlen("unacked"), 5)


def test_an_unknown_task_is_kept_and_a_failure(app: App, server: Server, worker: Worker) -> None:
    result = app.send_task("no.such.task")
    with pytest.raises(Exception, match=r"no\.such\.task"):
        result.get(timeout=10)
    assert works(app)
    assert "no.such.task" in dead(server)[0]["reason"]
    assert "kept as a dead letter" in worker.log()


def test_wrong_arguments_are_a_failure_of_the_task(app: App, server: Server, worker: Worker) -> None:
    with pytest.raises(TypeError, match="add"):
        app.send_task("tests.support.app.add", (1, 2, 3)).get(timeout=10)
    assert works(app)
    assert dead(server) == []


def test_a_body_of_20_megabytes_runs(app: App, worker: Worker) -> None:
    assert app.send_task("tests.support.app.length", ("x" * 20_000_000,)).get(timeout=30) == 20_000_000


def test_a_result_that_cannot_be_encoded_is_a_failure_of_that_task_only(app: App, worker: Worker) -> None:
    with pytest.raises(Exception, match="JSON") as caught:
        app.send_task("tests.support.app.unencodable").get(timeout=10)
    assert type(caught.value).__name__ == "EncodeError"
    assert works(app)


def test_a_broker_out_of_reach_at_the_start_is_retried(server: Server, app: App, tmp_path: Any) -> None:
    server.kill()
    worker = Worker(server.url(), tmp_path)
    with_lines = r"trying again"
    wait_until(lambda: worker.log().count(with_lines) >= 2, 10)
    assert worker.process.poll() is None
    server.restart()
    with worker:
        assert works(app)


@pytest.mark.parametrize("how", ["surrogate", "repr leaves", "no args"])
def test_an_exception_that_cannot_be_shown_is_a_failure_all_the_same(
    app: App, server: Server, worker: Worker, how: str
) -> None:
    with pytest.raises(Exception, match=r".*") as caught:
        app.send_task("tests.support.app.odd_failure", (how[:2], how)).get(timeout=10)
    assert not isinstance(caught.value, TimeoutError)
    assert works(app)
    assert worker.started(how[:2]) == 1
    assert dead(server) == []


@pytest.mark.parametrize("options", [{"queue": 5}, {"priority": "x"}, {"priority": 10}, {"exc": 5}])
def test_a_retry_that_cannot_be_sent_is_a_failure(app: App, worker: Worker, options: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        app.send_task("tests.support.app.odd_retry", kwargs=options).get(timeout=10)
    assert not isinstance(caught.value, TimeoutError)
    assert works(app)


@pytest.mark.parametrize("options", [{"queue": 5}, {"priority": "x"}, {"serializer": "cbor"}, {"task_id": 5}])
@pytest.mark.parametrize("where", ["callbacks", "errbacks", "chain"])
@pytest.mark.parametrize("task", ["add", "fail", "poison", "nothing"])
def test_follow_ups_that_cannot_be_sent_stop_nobody(
    app: App, server: Server, worker: Worker, options: dict[str, Any], where: str, task: str
) -> None:
    signature = {"task": "tests.support.app.add", "args": [], "kwargs": {}, "options": options}
    arguments: dict[str, list[object]] = {"add": [1, 2], "fail": ["x"], "poison": ["p"], "nothing": []}
    body = [arguments[task], {}, {where: [signature]}]
    headers = {**HEADERS, "task": f"tests.support.app.{task}", "redelivered": None}
    properties = {**PROPERTIES, "delivery_info": None}
    server.client.lpush("celery", message(body, headers=headers, properties=properties))
    wait_until(lambda: app.AsyncResult("bad-1").ready(), 10)
    assert works(app)
    wait_until(lambda: not server.client.hlen("unacked"), 5)


def test_a_success_is_never_overwritten(app: App, server: Server, worker: Worker) -> None:
    assert app.send_task("tests.support.app.add", (1, 1), task_id="same").get(timeout=10) == 2
    app.send_task("tests.support.app.fail", ("x",), task_id="same")
    assert works(app)
    wait_until(lambda: not server.client.hlen("unacked") and not server.client.llen("celery"), 5)
    assert app.AsyncResult("same").get(timeout=10) == 2
