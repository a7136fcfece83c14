"""The named stop points: a process that reaches one kills itself, at each row of a message's way (the table
in `runtime.worker`). `stop_points/sitecustomize.py` does it; nothing in the product knows of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DIRECTORY = Path(__file__).with_name("stop_points")

SUPERVISOR = (
    "brokers.redis.consumer:RedisConsumer.take after 2",
    "brokers.redis.intake:Take.deliveries before 2",
    "brokers.envelope:parse before 5",
    "runtime.worker.pipeline.intake:admit after 5",
    "runtime.worker.pipeline.hold:NearlyDue.add before 2",
    "brokers.redis.consumer:RedisConsumer.hold after 1",
    "runtime.worker.pipeline.dispatch:Dispatcher.dispatch before 3",
    "pools.pool:ChildPool.submit before 3",
    "pools.pool:ChildPool.submit after 3",
    "runtime.worker.pipeline.settle:Settler.reported before 5",
    "runtime.worker.pipeline.settle:Settler.reported after 5",
    "brokers.redis.consumer:RedisConsumer.settle before 3",
    "brokers.redis.consumer:RedisConsumer.settle after 3",
)
"""`module:Class.method when number`: the supervisor ends there."""
CHILD = (
    "runtime.execution.run:Runner.__call__ before 5",
    "runtime.execution.run:Runner.__call__ after 5",
)
"""Every child ends there, again and again."""
ALL = SUPERVISOR + CHILD


def environment(point: str, path: str) -> Mapping[str, str]:
    """Makes a worker stop there. `path`: its PYTHONPATH otherwise."""
    return {"STOP_AT": point, "PYTHONPATH": os.pathsep.join((str(DIRECTORY), path))}
