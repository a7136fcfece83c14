"""A Celery app with something of everything, for our worker and for Celery's own. But for one command that is
registered by our decorator, it knows nothing of us.

The broker and the results are at CELERY_URL; CELERY_SETTINGS (JSON) are further settings."""

from __future__ import annotations

import json
import os
import time
from typing import Any, NoReturn

from celery import Celery, Task, signals
from celery.exceptions import Ignore, Reject
from celery.worker.control import control_command, inspect_command
from kombu import Exchange, Queue

import runtime

URL = os.environ.get("CELERY_URL", "memory://")

app = Celery("project", broker=URL, backend=URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_queues=[
        Queue("celery"),
        Queue("animals", Exchange("zoo", type="topic"), routing_key="animal.#"),
    ],
    task_default_queue="celery",
    task_default_exchange="celery",
    task_default_routing_key="celery",
    worker_timer_precision=0.5,
)
app.conf.update(json.loads(os.environ.get("CELERY_SETTINGS", "{}")))


@inspect_command(alias="hail", args=[("name", str), ("times", int)])
def greet(state: Any, name: str = "you", times: int = 1) -> dict[str, Any]:
    return {"greeting": f"hello {name}" * times, "app": state.app.main, "node": state.hostname}


@control_command(variadic="words")
def refuse(state: Any, words: list[str]) -> None:
    raise ValueError(*words)


@runtime.inspect_command()
def count(state: Any, to: int) -> list[int]:
    return list(range(to))


def note(line: str) -> None:
    """One line into the file of effects."""
    with open(os.environ["EFFECTS"], "a") as file:
        file.write(f"{line}\n")


class Hooked(Task):
    """Notes what is called of it."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        note(f"before_start {args[0]}")

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        note(f"on_success {args[0]}")

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_failure {args[0]} {exc}")

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"on_retry {args[0]}")

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        note(f"after_return {args[0]} {status}")


class Doubling(Task):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().__call__(*args, **kwargs)


@app.task
def add(x: float, y: float) -> float:
    return x + y


@app.task
def tsum(numbers: list[float]) -> float:
    return sum(numbers)


@app.task(base=Hooked, bind=True, max_retries=2)
def hooked(self: Any, name: str, failing: int = 0) -> str:
    """Tries again for so many times; -1: fails."""
    if failing < 0:
        raise KeyError("as told")
    if self.request.retries < failing:
        raise self.retry(countdown=0)
    return name


@app.task(base=Doubling)
def doubled(x: int) -> int:
    return x


@app.task(bind=True)
def about(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    request = self.request
    names = ("id", "root_id", "parent_id", "group", "retries", "hostname", "is_eager", "called_directly")
    return {
        "args": request.args,
        "kwargs": request.kwargs,
        "headers": request.headers,
        "priority": request.delivery_info["priority"],
        "routing_key": request.delivery_info["routing_key"],
        "current": app.current_task.name,
        **{name: getattr(request, name) for name in names},
    }


@app.task(autoretry_for=(OSError,), retry_backoff=False, default_retry_delay=0, max_retries=1)
def automatic() -> NoReturn:
    note("automatic")
    raise OSError("again and again")


@app.task
def fail(text: str = "wrong") -> NoReturn:
    raise ValueError(text, 7)


@app.task
def leave() -> NoReturn:
    raise SystemExit(3)


@app.task
def errback(request: Any, error: Any, trace: Any) -> None:
    note(f"errback {error}")


@app.task(ignore_result=True)
def silent(name: str) -> str:
    note(f"silent {name}")
    return name


@app.task(bind=True)
def ignoring(self: Any) -> NoReturn:
    self.update_state(state="OWN", meta={"a": 1})
    raise Ignore


@app.task(bind=True, acks_late=True)
def rejecting(self: Any, name: str, requeue: bool) -> str:
    note(f"rejecting {name}")
    if self.request.delivery_info["redelivered"]:
        return "delivered again"
    raise Reject("not me", requeue=requeue)


@app.task(soft_time_limit=1)
def softly(seconds: float) -> NoReturn:
    time.sleep(seconds)
    raise AssertionError("no limit")


@app.task(time_limit=1)
def bounded(seconds: float) -> None:
    time.sleep(seconds)


@app.task(track_started=True)
def slow(name: str, seconds: float) -> str:
    note(f"start {name} {os.getpid()}")
    time.sleep(seconds)
    note(f"end {name}")
    return name


@app.task(acks_late=True)
def late(name: str, seconds: float) -> str:
    note(f"start {name} {os.getpid()}")
    time.sleep(seconds)
    note(f"end {name}")
    return name


@app.task(acks_late=True)
def deadly(name: str) -> None:
    """Kills its process the first time."""
    note(f"start {name} {os.getpid()}")
    with open(os.environ["EFFECTS"]) as file:
        if sum(line.startswith(f"start {name} ") for line in file) == 1:
            os._exit(1)


@app.task(acks_late=True, max_deliveries=2)
def deadly_twice(name: str) -> None:
    deadly(name)


@app.task(bind=True)
def replacing(self: Any, x: int) -> Any:
    raise self.replace(add.s(x, 100))


@app.task(bind=True)
def sending(self: Any) -> list[str]:
    """Its child; what it sends from inside."""
    return [add.delay(1, 1).id, self.request.id]


def _noted(name: str) -> Any:
    def receive(sender: Any = None, **given: Any) -> None:
        if name.startswith("task_"):
            sender = sender.name.rpartition(".")[2]
        elif not isinstance(sender, str):
            sender = getattr(sender, "hostname", sender)
        note(f"signal {name} {sender}")

    return receive


RECEIVERS = {
    name: _noted(name)
    for name in (
        "celeryd_init", "worker_init", "worker_ready", "worker_process_init", "worker_process_shutdown",
        "worker_before_create_process",
        "task_prerun", "task_postrun", "task_success", "task_failure", "task_retry",
    )
}  # fmt: skip
for _name, _receiver in RECEIVERS.items():
    getattr(signals, _name).connect(_receiver)
