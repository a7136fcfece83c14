"""Errors of use: one line on stderr, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.servers import Server

RUNTIME = str(Path(sys.executable).parent / "runtime")


def runtime(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RUNTIME_")}
    return subprocess.run(
        [RUNTIME, *arguments], env={**clean, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["start"], "no app: give -A module[:attribute]"),
        (["-A", "examples.tasks", "start", "--pool", "puddle"], "pool 'puddle' is none of prefork, "),
        (["-A", "examples.tasks", "start", "-P", "prefrok"], "did you mean 'prefork'?"),
        (["-A", "examples.tasks", "start", "-P", "eventlet"], "use gevent"),
        (["-A", "examples.tasks", "start", "--processes", "2"], "a prefork pool has one for each slot"),
        (["-A", "examples.tasks", "start", "-P", "solo", "-c", "4"], "concurrency is 4; a solo pool runs"),
        (["-A", "examples.tasks", "start", "-P", "solo", "--autoscale", "4,2"], "a solo pool has one slot"),
        (["-A", "examples.tasks", "start", "--autoscale", "2,4"], "'2,4' is not MAX,MIN"),
        (["-A", "examples.tasks", "start", "--autoscale", "4,2", "-c", "5"], "is not between 2 and 4"),
        (["-A", "examples.tasks", "start", "-c", "many"], "'many' is not a valid integer"),
        (["-A", "examples.tasks", "start", "-n", "w@%x"], "unknown placeholder '%x'"),
        (["-A", "examples.nothing", "start"], "module 'examples' has no 'nothing'"),
        (["-A", "examples.tasks:nothing", "call", "x"], "nothing"),
        (["-A", "examples.tasks", "call"], "Missing argument 'NAME'"),
        (["-A", "examples.tasks", "call", "x", "--kwargs", "[1]"], "not a JSON object"),
        (["-A", "examples.tasks", "call", "x", "--kwargs", '{"x": 1'], "is no JSON: Expecting ',' delimiter"),
        (["-A", "examples.tasks", "call", "x", "[1, 2"], "'[1, 2' is no JSON: Expecting ',' delimiter"),
        (["-A", "examples.tasks", "call", "x", "-1", "2"], "put -- before arguments that begin with a dash"),
        (["-A", "examples.tasks", "call", "x", "--eta", "soon"], "'soon' is not a time"),
        (["-A", "examples.tasks", "start", "-Q", ""], "'' names none"),
        (["-A", "examples.tasks", "start", "-X", "celery"], "no queue is left without celery"),
        (["-A", "examples.tasks", "start", "-X", "clery"], "did you mean 'celery'?"),
        (["-A", "examples.tasks", "start", "-n", ""], "the name of a node must not be empty"),
        (["-A", "examples.tasks:ap", "start"], "did you mean 'app'?"),
        (["-A", "examples.task", "start"], "did you mean 'examples.tasks'?"),
        (["-A", "examples.tasks", "control", "revoke"], "revoke needs task_id"),
        (["-A", "examples.tasks", "inspect", "query_task"], "query_task needs ids"),
        (["-A", "examples.tasks", "purge", "-Q", " , "], "' , ' names none"),
        (
            ["-A", "examples.tasks", "start", "--time-limit", "5", "--soft-time-limit", "7.5"],
            "soft_time_limit must not be longer than time_limit, 5 s; it is 7.5 s",
        ),
        (["strat"], "there is no verb 'strat'; did you mean 'start'?"),
        (["worker"], "there is no verb 'worker'; did you mean 'start'?"),
        (["start", "-A", "examples.tasks"], "No such option '-A'; -A goes before the verb"),
        (["-A", "examples/tasks.py", "start"], "such as 'examples.tasks'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], reason: str) -> None:
    done = runtime(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("runtime: error: ")
    assert reason in line


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone must be a time zone that this machine knows"),
        ({"task_serializer": "jsn"}, "did you mean 'json'?"),
        ({"worker_http": "nonsense"}, "'nonsense'"),
        ({"worker_pool": "thread"}, "did you mean 'threads'?"),
        ({"broker_url": "amqp://me:secret@localhost"}, "broker_url must be a URL of redis://, rediss://, "),
        ({"result_backend": "rpc://"}, "embedded://, or None; it is 'rpc://'"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(settings: dict[str, str], reason: str) -> None:
    done = runtime("-A", "tests.support.app", "start", SETTINGS=json.dumps(settings))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("runtime: error: ")
    assert reason in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("app", "pool"),
    [
        ("tests.support.app", "prefork"),
        ("tests.support.app", "solo"),
        ("tests.support.celery_project", "prefork"),
    ],
)
def test_a_module_that_there_is_not_ends_the_start(server: Server, app: str, pool: str) -> None:
    settings = json.dumps({"include": ["tests.support.canvas_task"]})
    env = {"RUNTIME_BROKER_URL": server.url(), "SETTINGS": settings}
    celerys = {"CELERY_URL": server.url(), "CELERY_SETTINGS": settings}
    begun = time.monotonic()
    done = runtime("-A", app, "start", "-P", pool, **env, **celerys)
    assert done.returncode == 2
    assert "did you mean 'tests.support.canvas_tasks'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < 10


OPTIONS_OF_APP = "app.user_options['worker'].add"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            f"{OPTIONS_OF_APP}(click.Option(['--queues']))",
            "option --queues of the app (user_options) is one of `runtime start`",
        ),
        (f"{OPTIONS_OF_APP}('--mine')", "'--mine' of the app (user_options) must be a click.Option"),
        (
            "app.conf.worker_agent = 'own:Agent'",
            "worker_agent must name a class; it is 'own:Agent'",
        ),
        (
            "app.conf.worker_agent = 'own'",
            "worker_agent must name a class; it is 'own': 'module' object is not callable",
        ),
        (
            "app.conf.worker_agent = 7",
            "worker_agent must be a class, or its name",
        ),
    ],
)
def test_what_of_the_app_cannot_be_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    lines = ("import click", "from runtime import App", "app = App('own')", line)
    (tmp_path / "own.py").write_text("\n".join(lines))
    done = runtime("-A", "own", "start", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"runtime: error: {reason}")


def test_a_wrong_environment_variable_is_named() -> None:
    done = runtime("-A", "examples.tasks", "start", RUNTIME_CONCURRENCY="0")
    assert done.returncode == 2
    assert "RUNTIME_CONCURRENCY" in done.stderr


def test_an_environment_variable_that_is_nearly_ours_is_named() -> None:
    own = {"RUNTIME_ENV": "production", "RUNTIME_QUEUES": "celery"}
    done = runtime("-A", "examples.tasks", "start", "-X", "celery", **own, RUNTIME_CONCURENCY="3")
    warning, _ = done.stderr.splitlines()
    assert warning.startswith("runtime: warning: RUNTIME_CONCURENCY in the environment means nothing")
    assert warning.endswith("did you mean 'CONCURRENCY'?")


@pytest.mark.parametrize("verb", [["start"], ["call", "--no-wait", "examples.tasks.add"], ["purge"]])
def test_sentinels_need_the_name_of_the_master(verb: list[str]) -> None:
    done = runtime("-A", "examples.tasks", *verb, RUNTIME_BROKER_URL="sentinel://h;sentinel://i")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "master_name" in line


def test_no_verb_shows_the_help() -> None:
    done = runtime()
    assert done.returncode == 2
    assert "Usage: runtime" in done.stderr


def test_the_command_line_loads_no_heavy_module() -> None:
    """Start-up time: redis-py alone is 120 ms."""
    heavy = {"asyncio", "redis", "multiprocessing", "billiard", "email", "http", "gevent", "kombu"}
    program = (
        "import sys; from runtime.cli.root import root;"
        "[root.get_command(None, name) for name in root.list_commands(None)]; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
