"""Tasks that are coroutines, for workers under test. An app of their own: asyncio and billiard make a
worker start later."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext

from billiard.exceptions import SoftTimeLimitExceeded

from runtime import App, GroupResult, Task, allow_join_result
from tests.support.app import note

app = App("tests")


@app.task
def add(x: float, y: float) -> float:
    return x + y


@app.task
def wait_for(how: str) -> int:
    """A task that waits for another: only as it is allowed to."""
    sent = add.delay(1, 1)
    if how == "join":
        return sum(GroupResult("g", [sent], app=app).join(timeout=10))
    if how == "collect":
        return sum(value for _, value in sent.collect(timeout=10))
    with allow_join_result() if how == "allowed" else nullcontext():
        return int(sent.get(timeout=10, disable_sync_subtasks=how != "sure"))


@app.task
async def block_for() -> int:
    return int(add.delay(1, 1).get(timeout=10))


@app.task
async def delegate(x: int) -> int:
    answer: int = await (await add.adelay(x, 1))
    return answer


@app.task(soft_time_limit=0.5)
async def soft_limited(how: str) -> str:
    try:
        await hang(how)
    except SoftTimeLimitExceeded:
        await asyncio.sleep(0)
        return "cleaned up"
    return "not limited"


@app.task(time_limit=0.5)
async def hard_limited(how: str) -> None:
    await hang(how)


async def hang(how: str) -> None:
    if how == "sleep":
        await asyncio.sleep(60)
    elif how == "gather":
        await asyncio.gather(asyncio.sleep(60), asyncio.sleep(61))
    elif how == "steps":
        while True:
            await asyncio.sleep(0)
    else:
        while True:
            pass


@app.task(acks_late=True)
async def mark(name: str, seconds: float = 0.0) -> str:
    """As that of `tests.support.app`."""
    note(f"start {name} {os.getpid()}")
    await asyncio.sleep(seconds)
    note(f"end {name}")
    return name


@app.task(bind=True, track_started=True, max_retries=2)
async def flaky(self: Task, name: str, succeed_at: int) -> int:
    note(f"try {name} {self.request.retries}")
    state = await asyncio.to_thread(lambda: app.AsyncResult(str(self.request.id)).state)
    note(f"state {name} {state}")
    if self.request.retries < succeed_at:
        raise self.retry(exc=ValueError("not yet"), countdown=0)
    return int(self.request.retries)
