"""The metrics of real workers, as a scraper gets them."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.process.test_in_flight import send
from tests.support.probes import probe, samples
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker


@pytest.fixture
def worker(server: Server, tmp_path: Path, place: Path) -> Iterator[Worker]:
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}") as worker:
        wait_until(lambda: probe(place, "/readyz").status == 200)
        yield worker


def scrape(place: Path) -> dict[str, float]:
    return samples(probe(place, "/metrics").body)


def test_metrics_tell_what_has_happened(app: App, server: Server, worker: Worker, place: Path) -> None:
    for n in range(5):
        assert send(app, "add", n, 1).get(timeout=5) == n + 1
    send(app, "add", 1, 1, countdown=3600)
    app.send_task("no.such.task")
    send(app, "poison", "p")
    wait_until(lambda: worker.started("p") == 3)
    running = send(app, "mark", "m", 2.0)
    wait_until(lambda: worker.started("m"))
    wait_until(lambda: scrape(place)["runtime_dead_letters_total"] == 2)
    now = scrape(place)
    add, poison = "tests.support.app.add", "tests.support.app.poison"
    assert now[f'runtime_tasks_total{{state="SUCCESS",task="{add}"}}'] == 5
    assert now[f'runtime_tasks_total{{state="LOST",task="{poison}"}}'] == 3
    assert now[f'runtime_task_run_seconds_count{{task="{add}"}}'] == 5
    assert now['runtime_task_wait_seconds_count{queue="celery"}'] == 8
    assert now['runtime_redeliveries_total{cause="child"}'] == 2
    assert now['runtime_child_ends_total{cause="died"}'] == 3
    assert now["runtime_refused_total"] == 1
    assert now["runtime_slots"] == 2
    assert now["runtime_live"] == now["runtime_ready"] == 1
    assert now["runtime_running"] == now["runtime_reserved"] == now["runtime_unacked"] == 1
    assert now["runtime_waiting"] == now["runtime_reconnects_total"] == 0
    assert now["runtime_fenced_settlements_total"] == now["runtime_dropped_events_total"] == 0
    assert (
        now['runtime_unspoken_total{cause="unsaid"}'] == now['runtime_unspoken_total{cause="unheard"}'] == 0
    )
    assert now["runtime_fetch_age_seconds"] < 2
    assert now["runtime_loop_lag_seconds_count"] > 0
    running.get(timeout=5)
    server.client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: scrape(place)["runtime_reconnects_total"] == 1)


def test_the_readme_names_each_metric_with_its_type(app: App, worker: Worker, place: Path) -> None:
    rows = re.findall(r"^\| (`runtime_.*?`) \| (\w+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    documented = {(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)", names)}
    assert send(app, "add", 1, 2).get(timeout=5) == 3
    text = probe(place, "/metrics").body.decode()
    served = set(re.findall(r"^# TYPE (runtime_\w+) (\w+)$", text, re.MULTILINE))
    # The text format gives a histogram its time of creation as a gauge of its own.
    assert {each for each in served if not each[0].endswith("_created")} == documented
    for name, kind in documented:
        assert re.search(rf"^{name}{'_count' if kind == 'histogram' else ''}[ {{]", text, re.MULTILINE), name


def test_depth_and_lag_of_each_queue(app: App, server: Server, tmp_path: Path, place: Path) -> None:
    options = ("--http", f"unix:{place}", "-Q", "celery,other", "--prefetch-multiplier", "1")
    with Worker(server.url(), tmp_path, *options, slots=1) as worker:
        send(app, "mark", "long", 30)
        wait_until(lambda: worker.started("long"))
        send(app, "mark", "a")
        for priority in (0, 3, 9):
            send(app, "mark", "b", queue="other", priority=priority)
        seen = time.monotonic()
        wait_until(lambda: scrape(place).get('runtime_queue_depth{queue="other"}') == 3)
        now = scrape(place)
        assert now['runtime_queue_depth{queue="celery"}'] == 1
        assert now['runtime_queue_lag_seconds{queue="other"}'] >= time.monotonic() - seen - 0.1
        server.client.delete("celery")
        wait_until(lambda: scrape(place)['runtime_queue_depth{queue="celery"}'] == 0)
        assert scrape(place)['runtime_queue_lag_seconds{queue="celery"}'] == 0


def test_the_broker_is_asked_when_somebody_scrapes_and_once_a_second_at_most(
    server: Server, worker: Worker, place: Path
) -> None:
    def asked() -> int:
        return int(server.client.info("commandstats").get("cmdstat_zcard", {"calls": 0})["calls"])

    before, began = asked(), time.monotonic()
    wait_until(lambda: probe(place, "/livez").status == 200 and time.monotonic() > began + 2)
    assert asked() == before
    began = time.monotonic()
    for _ in range(50):
        scrape(place)
    assert 1 <= asked() - before <= 1 + (time.monotonic() - began)


def test_while_the_broker_is_away_a_scrape_gets_what_was_known_and_its_age(
    server: Server, worker: Worker, place: Path
) -> None:
    wait_until(lambda: 'runtime_queue_depth{queue="celery"}' in scrape(place))
    server.pause()
    try:
        wait_until(lambda: scrape(place)["runtime_backlog_age_seconds"] > 1.5)
        now = scrape(place)
        assert now['runtime_queue_depth{queue="celery"}'] == 0
        assert now["runtime_fetch_age_seconds"] > 1
        assert now["runtime_live"] == 1
    finally:
        server.resume()
    wait_until(lambda: scrape(place)["runtime_backlog_age_seconds"] < 1)
    server.stop()
    wait_until(lambda: probe(place, "/readyz").status == 503)
    assert scrape(place)['runtime_queue_depth{queue="celery"}'] == 0


def test_a_scraper_that_leaves_before_its_answer_disturbs_nobody(
    server: Server, worker: Worker, place: Path
) -> None:
    server.pause()
    try:
        for _ in range(40):
            leave_early(place)
    finally:
        server.resume()
    wait_until(lambda: "runtime_held" in scrape(place))


def leave_early(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")


def test_what_others_have_taken_over_is_held_no_more_and_settled_too_late(
    app: App, server: Server, tmp_path: Path, place: Path
) -> None:
    settings = {"SETTINGS": json.dumps({"worker_lease": 0.8})}
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}", env=settings) as frozen:
        for n in range(3):
            send(app, "mark", f"m{n}", countdown=3600)
        send(app, "mark", "runs", 2.0)
        wait_until(lambda: frozen.started("runs") and scrape(place).get("runtime_held") == 3)
        (before,) = server.client.keys("runtime.eta.*")
        frozen.freeze()
        second = place.with_name("http2")
        with Worker(server.url(), tmp_path, "--http", f"unix:{second}", name="w2", env=settings):
            wait_until(lambda: {before} != set(server.client.keys("runtime.eta.*")) != set())
            frozen.thaw()
            wait_until(lambda: "other workers have our messages" in frozen.log())
            wait_until(lambda: scrape(place)["runtime_held"] == 0)
            wait_until(lambda: scrape(place)["runtime_fenced_settlements_total"] == 1)
            assert scrape(second)['runtime_redeliveries_total{cause="worker"}'] == 4


def test_a_loop_that_was_held_up_is_measured(app: App, server: Server, tmp_path: Path, place: Path) -> None:
    """As a solo worker's is by each task."""
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}", pool="solo", slots=1):
        send(app, "mark", "m", 0.6).get(timeout=5)
        now = scrape(place)
        assert now["runtime_loop_lag_seconds_sum"] >= 0.6
        assert (
            now['runtime_loop_lag_seconds_bucket{le="5.0"}']
            > now['runtime_loop_lag_seconds_bucket{le="0.25"}']
        )


def test_without_prometheus_client_there_are_probes_and_a_line(
    server: Server, tmp_path: Path, place: Path
) -> None:
    """A directory before all others on the path hides the package."""
    hidden = tmp_path / "prometheus_client"
    hidden.mkdir()
    (hidden / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module named prometheus_client', name='prometheus_client')\n"
    )
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with Worker(server.url(), tmp_path, "--http", f"unix:{place}", env=env) as worker:
        wait_until(lambda: probe(place, "/readyz").status == 200)
        refused = probe(place, "/metrics")
        assert refused.status == 501
        assert b"pip install 'worker-runtime[metrics]'" in refused.body
        assert worker.log().count("prometheus-client is not installed") == 1
