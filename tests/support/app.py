"""The tasks that workers under test run. The broker comes from RUNTIME_BROKER_URL, further settings as
JSON from SETTINGS."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any, NoReturn

from runtime import App, Ignore, Reject, Task
from tests.support import canvas_tasks

app = App("tests")
app.conf.update(json.loads(os.environ.get("SETTINGS", "{}")))


class Custom(Exception):
    """An exception of the user's own, with arguments."""


def note(line: str) -> None:
    """One line into the file of effects: what really happened, whatever is reported."""
    with open(os.environ["EFFECTS"], "a") as file:
        file.write(f"{line}\n")


@app.task
def add(x: float, y: float) -> float:
    return x + y


@app.task(acks_late=True)
def late_add(x: float, y: float) -> float:
    return x + y


@app.task(acks_late=True)
def mark(name: str, seconds: float = 0.0) -> str:
    """Effects: `start <name> <pid>`, then `end <name>`."""
    note(f"start {name} {os.getpid()}")
    time.sleep(seconds)
    note(f"end {name}")
    return name


@app.task
def tidy(name: str) -> str:
    """Runs until a soft limit is raised in it."""
    from billiard.exceptions import SoftTimeLimitExceeded  # 40 ms

    note(f"start {name} {os.getpid()}")
    try:
        while True:
            time.sleep(0.01)
    except SoftTimeLimitExceeded:
        note(f"tidied {name}")
    return name


@app.task
def early_mark(name: str, seconds: float = 0.0) -> str:
    note(f"start {name} {os.getpid()}")
    time.sleep(seconds)
    note(f"end {name}")
    return name


@app.task
def when(name: str) -> float:
    now = time.time()
    note(f"when {name} {now}")
    return now


@app.task(ignore_result=True)
def silent() -> str:
    return "not kept"


@app.task
def fail(text: str) -> NoReturn:
    raise ValueError(text, 7)


@app.task
def fail_custom() -> NoReturn:
    raise Custom("own", {"a": 1})


@app.task
def in_processes(*numbers: int) -> list[int]:
    import multiprocessing  # 20 ms, that the other tests' workers start without

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, numbers)


@app.task
def say(text: str) -> None:
    print(text)


@app.task
def leave() -> NoReturn:
    sys.exit(3)


@app.task(bind=True)
def whoami(self: Task) -> dict[str, Any]:
    request = self.request
    return {
        "id": request.id,
        "retries": request.retries,
        "hostname": request.hostname,
        "delivery_info": request.delivery_info,
        "root_id": request.root_id,
        "headers": dict(request.headers or {}),
        "pid": os.getpid(),
    }


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def flaky(self: Task, name: str, succeed_at: int) -> int:
    note(f"try {name} {self.request.retries}")
    if self.request.retries < succeed_at:
        raise self.retry(exc=ValueError("not yet"), countdown=0)
    return int(self.request.retries)


@app.task
def ignored() -> NoReturn:
    raise Ignore


@app.task(acks_late=True)
def rejected(requeue_once: str = "") -> str:
    """With a name: requeued the first time."""
    if requeue_once:
        note(f"rejected {requeue_once}")
        with open(os.environ["EFFECTS"]) as file:
            if file.read().count(f"rejected {requeue_once}\n") == 1:
                raise Reject("again, please", requeue=True)
        return "done"
    raise Reject("no", requeue=False)


@app.task
def early_rejected(name: str) -> NoReturn:
    note(f"start {name} {os.getpid()}")
    raise Reject("too late for that", requeue=True)


@app.task(acks_late=True)
def odd_failure(name: str, how: str) -> NoReturn:
    """Exceptions that cannot be shown."""
    note(f"start {name} {os.getpid()}")
    if how == "surrogate":
        raise ValueError("\ud800")
    if how == "repr leaves":
        raise Odd
    raise Unlike


class Odd(Exception):
    def __repr__(self) -> str:
        raise SystemExit(4)

    __str__ = __repr__


class Unlike(Exception):
    @property
    def args(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no arguments")


@app.task(bind=True, acks_late=True)
def odd_retry(self: Task, **options: Any) -> NoReturn:
    raise self.retry(countdown=0, **options)


@app.task
def unencodable() -> object:
    return object()


@app.task(bind=True)
def progress(self: Task) -> str:
    self.update_state(state="PROGRESS", meta={"done": 1})
    note("progress")
    return "end"


@app.task(time_limit=0.5)
def hard_limited(how: str) -> None:
    hang(how)


@app.task(soft_time_limit=0.5)
def soft_limited(how: str) -> None:
    hang(how)


def hang(how: str) -> None:
    if how == "sleep":
        time.sleep(60)
    elif how == "c":
        ctypes.CDLL(None).sleep(60)
    else:
        while True:
            pass


@app.task(acks_late=True)
def debugged(name: str) -> str:
    note(f"start {name} {os.getpid()}")
    breakpoint()
    return name


@app.task(acks_late=True)
def deaf(name: str) -> None:
    """Nothing that is raised in it ends it."""
    note(f"start {name} {os.getpid()}")
    while True:
        try:
            time.sleep(60)
        except BaseException as error:  # noqa: BLE001
            note(f"heard {type(error).__name__}")


@app.task
async def async_early_mark(name: str, seconds: float = 0.0) -> str:
    """As `early_mark`."""
    import asyncio  # 30 ms, that the other tests' workers start without

    note(f"start {name} {os.getpid()}")
    await asyncio.sleep(seconds)
    note(f"end {name}")
    return name


@app.task(acks_late=True)
def poison(name: str) -> None:
    note(f"start {name} {os.getpid()}")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(acks_late=True, reject_on_worker_lost=True)
def poison_redelivered(name: str) -> None:
    poison(name)


@app.task(acks_late=True, reject_on_worker_lost=False)
def poison_failed(name: str) -> None:
    poison(name)


@app.task
def poison_early(name: str) -> None:
    poison(name)


class Lethal:
    """Whoever reads it from a pickle dies."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


@app.task
def lethal() -> Lethal:
    return Lethal()


@app.task(acks_late=True, max_deliveries=2)
def poison_twice(name: str) -> None:
    poison(name)


@app.task(acks_late=True, max_deliveries=0)
def poison_until(name: str, times: int) -> str:
    """Kills its child so often; then it is harmless."""
    with open(os.environ["EFFECTS"]) as file:
        begun = sum(line.startswith(f"start {name} ") for line in file)
    if begun < times:
        poison(name)
    return name


@app.task(acks_late=True)
def poison_thrice(name: str) -> str:
    return str(poison_until(name, 3))


@app.task(acks_late=True)
async def async_block(name: str, seconds: float) -> str:
    """Nothing else in its event loop goes on meanwhile."""
    return str(hold_interpreter(name, seconds))


@app.task(acks_late=True)
async def async_mark(name: str, seconds: float = 0.0) -> str:
    """As `mark`."""
    import asyncio  # see `async_early_mark`

    note(f"start {name} {os.getpid()}")
    await asyncio.sleep(seconds)
    note(f"end {name}")
    return name


@app.task(acks_late=True)
def hold_interpreter(name: str, seconds: float) -> str:
    """No other thread of its process runs meanwhile, nor a greenlet."""
    note(f"start {name} {os.getpid()}")
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    note(f"end {name}")
    return name


@app.task(acks_late=True)
def leave_at_once(name: str, times: int) -> str:
    """Takes its child with it, so often."""
    note(f"start {name} {os.getpid()}")
    with open(os.environ["EFFECTS"]) as file:
        if file.read().count(f"start {name} ") <= times:
            os._exit(3)
    return name


@app.task(acks_late=True)
def spread(name: str) -> str:
    """Its fork returns from the task as well."""
    note(f"start {name} {os.getpid()}")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return name


@app.task
def parent(x: int) -> str:
    return str(add.delay(x, 1).id)


@app.task
def echo(value: object) -> object:
    return value


@app.task(bind=True, max_retries=1, default_retry_delay=0)
def always_retry(self: Task) -> NoReturn:
    raise self.retry(countdown=0)


@app.task
def big(size: int) -> str:
    return "x" * size


@app.task
def length(text: str) -> int:
    return len(text)


canvas_tasks.register(app)
