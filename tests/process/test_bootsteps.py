"""Steps of users in real workers."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection

from runtime import App
from tests.process.test_cli_refusals import runtime
from tests.process.test_outcomes import send
from tests.support.probes import probe, samples
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

connect: Any = Connection


def send_message(server: Server, queue: str, body: object, **options: str) -> None:
    """As any program would that has kombu."""
    with connect(server.url()) as connection, connection.SimpleQueue(queue) as simple:
        simple.put(body, **options)


def letters(server: Server, queue: str) -> list[dict[str, object]]:
    return [json.loads(entry) for entry in server.client.lrange(f"runtime.dead.{queue}", 0, -1)]


def test_the_example_works(app: App, server: Server, tmp_path: Path, place: Path) -> None:
    beat = tmp_path / "beat"
    options = ("--heartbeat-file", str(beat), "--http", f"unix:{place}")
    with Worker(
        server.url(), tmp_path, *options, app="examples.bootsteps", slots=1, loglevel="debug"
    ) as worker:
        send_message(server, "orders", {"price": 3, "shipping": 4})
        send_message(server, "orders", {"price": 3})
        wait_until(lambda: "succeeded" in worker.log() and letters(server, "orders"), 10)
        assert letters(server, "orders")[0]["reason"] == "Orders failed: KeyError('shipping')"
        assert samples(probe(place, "/metrics").body)["runtime_dead_letters_total"] == 1
        first = beat.read_text()
        wait_until(lambda: beat.read_text() not in ("", first), 5)
        picture = runtime("-A", "examples.bootsteps", "graph", "workers", RUNTIME_BROKER_URL=server.url())
        assert '"queues: celery" -> "host test: w1@test\\nprefork, 1 slot"' in picture.stdout
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert not server.client.hlen("unacked")
        assert not server.client.zcard("runtime.workers")
        verbs = [
            line.rpartition("Blueprint ")[2] for line in worker.log().splitlines() if "Blueprint " in line
        ]
        started = [verb for verb in verbs if "starting" in verb]
        assert [verb.replace("stopping", "starting") for verb in reversed(verbs[len(started) :])] == started
        assert started[-9:] == [
            "worker: starting Orders",
            *(f"consumer: starting {step}" for step in CONSUMER),
        ]


CONSUMER = ("Connection", "Mingle", "Events", "Gossip", "Heart", "Control", "Tasks", "Evloop")
ALWAYS = [
    "Hub", "Timer", "Signals", "Health", "Pool", "Core", "Probes", "Broker", "Mail", "Panel", "Listeners",
    "Consumer",
]  # fmt: skip
VERBS = ("starting", "stopping")
OPTIONAL = ["StateDB", "Autoscaler", "Beat", "Mingle", "Gossip", "Heart"]


@pytest.mark.parametrize("more", [True, False])
def test_options_say_which_steps_there_are(server: Server, tmp_path: Path, more: bool) -> None:
    without = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    files = (f"--statedb={tmp_path / 'state'}", f"--schedule-filename={tmp_path / 'schedule'}")
    options = (*files, "--beat", "--autoscale", "2,1") if more else without
    with Worker(server.url(), tmp_path, *options, slots=None, loglevel="debug") as worker:
        wait_until(lambda: "starting Evloop" in worker.log())
        started = re.findall(r"Blueprint (\w+): starting (\w+)", worker.log())
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    names = [name for _, name in started]
    assert [name for name in OPTIONAL if name in names] == (OPTIONAL if more else [])
    steps = {of: [name for each, name in started if each == of and name not in OPTIONAL] for of, _ in started}
    assert steps == {"worker": ALWAYS, "consumer": ["Connection", "Events", "Control", "Tasks", "Evloop"]}


def test_a_lost_connection_stops_and_starts_the_consumer_blueprint_only(
    app: App, server: Server, tmp_path: Path
) -> None:
    agent = '{"worker_agent": "tests.support.steps_app:Agent"}'
    env = {"STEPS": "noted", "SETTINGS": agent}
    with Worker(server.url(), tmp_path, app="tests.support.steps_app", env=env) as worker:
        wait_until(lambda: worker.effects() == ["agent of tests", "connected, 2 slots"], 5)
        wait_until(lambda: server.client.delete("_kombu.binding.celery"), 5)
        running = send(app, "mark", "m", 1)
        wait_until(lambda: worker.started("m"), 5)
        server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert running.get(timeout=10) == "m"
        wait_until(lambda: worker.effects().count("connected, 2 slots") == 2, 5)
        assert worker.effects().count("connection lost") == 1
        assert worker.effects().count("agent ends") == 1
        assert worker.effects().count("agent of tests") == 2
        wait_until(lambda: server.client.exists("_kombu.binding.celery"), 5)
        assert worker.started("m") == 1


def test_a_slow_handler_holds_nothing_up_and_a_killed_one_gets_its_message_again(
    app: App, server: Server, tmp_path: Path
) -> None:
    env = {"STEPS": "slow", "SETTINGS": '{"worker_lease": 1.0}'}
    with Worker(server.url(), tmp_path, app="tests.support.steps_app", env=env) as worker:
        for name, seconds in (("first", 2.5), ("fails", 0), ("long", 60)):
            send_message(server, "slow", {"name": name, "seconds": seconds})
        send_message(server, "slow", "not for us", serializer="pickle")
        wait_until(lambda: worker.started("first"), 5)
        assert app.send_task("tests.support.app.add", (1, 2)).get(timeout=5) == 3
        assert not worker.ended("first"), "a task does not wait for it"
        wait_until(lambda: worker.started("long"), 10)
        order = [line.partition(" ")[2].partition(" ")[0] for line in worker.effects()]
        assert order == ["first", "first", "fails", "long"]
        assert "lease" not in worker.log()
        assert [letter["reason"] for letter in letters(server, "slow")] == [
            "Slow failed: ValueError('no time')"
        ]
        worker.process.kill()
        worker.wait()
        worker.again()
        wait_until(lambda: worker.started("long") == 2, 10)
        worker.signal(signal.SIGTERM)
        assert worker.wait(15) == 0
        assert "a handler is cut short" in worker.log()
        assert server.client.llen("slow") == 2
        assert not server.client.hlen("unacked")


def test_a_handler_begins_nothing_of_others_after_its_worker_stood_still(
    app: App, server: Server, tmp_path: Path
) -> None:
    held_until = tmp_path / "held until"
    env = {"STEPS": "slow held-up", "SETTINGS": '{"worker_lease": 0.8}', "HELD_UNTIL": str(held_until)}
    for name, seconds in (("first", 2), ("second", 0.1)):
        send_message(server, "slow", {"name": name, "seconds": seconds})
    with Worker(server.url(), tmp_path, app="tests.support.steps_app", env=env) as held_up:
        wait_until(lambda: held_up.started("first") and server.client.hlen("unacked") == 2, 5)
        send(app, "mark", "m")
        wait_until(lambda: "received" in held_up.log(), 5)
        env |= {"STEPS": "slow"}
        with Worker(server.url(), tmp_path, app="tests.support.steps_app", env=env, name="w2") as other:
            wait_until(lambda: other.ended("second") and other.ended("m"), 10)
            held_until.touch()
            wait_until(lambda: "Slow: broker: " in held_up.log(), 10)
            wait_until(lambda: "dropped 1 that waited here" in held_up.log(), 10)
        assert held_up.started("second") == 1


def test_a_step_that_fails_ends_the_start(server: Server, tmp_path: Path) -> None:
    for steps, blueprint in (("failing", "worker"), ("failing-consumer", "consumer")):
        env = {"STEPS": steps}
        worker = Worker(server.url(), tmp_path, app="tests.support.steps_app", loglevel="debug", env=env)
        assert worker.wait(10) == 7
        expected = f"step Failing of the {blueprint} blueprint failed to start: OSError('no disk')"
        assert expected in worker.log()
        begun, ended = (re.findall(rf"Blueprint \w+: {verb} (\w+)", worker.log()) for verb in VERBS)
        assert ended == [name for name in reversed(begun) if name != "Failing"], "all that had started"
        worker.log_file.unlink()
        assert not server.client.zcard("runtime.workers")


def test_a_queue_is_for_messages_or_for_tasks(server: Server, tmp_path: Path) -> None:
    worker = Worker(server.url(), tmp_path, "-Q", "orders", app="examples.bootsteps")
    assert worker.wait() == 2
    assert "step Orders: this worker takes tasks from its queue 'orders'" in worker.log()
    assert not server.client.zcard("runtime.workers")


def test_a_step_that_fails_at_a_later_connection_lets_what_runs_finish(
    app: App, server: Server, tmp_path: Path
) -> None:
    env = {"STEPS": "failing-later noted"}
    with Worker(server.url(), tmp_path, app="tests.support.steps_app", env=env) as worker:
        running = send(app, "mark", "m", 1)
        wait_until(lambda: worker.started("m"), 5)
        server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert worker.wait() == 7
        assert running.get(timeout=1) == "m"
        assert "FailingLater of the consumer blueprint failed to start: OSError('no disk')" in worker.log()
        assert worker.effects().count("connection lost") == 1, "it had not started again"
        assert not server.client.zcard("runtime.workers")
