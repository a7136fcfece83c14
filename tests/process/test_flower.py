"""Stock Flower watches this worker and operates it: by its API, and by its pages in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from runtime import App
from tests.support.flower import Flower
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = "tests.support.app."


@pytest.fixture(scope="module")
def client(shared_server: Server) -> Iterator[App]:
    app = App("client", broker=shared_server.url(), backend=shared_server.url(), set_as_current=False)
    yield app
    app.close()


@pytest.fixture(scope="module")
def watched(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Not started with -E: Flower turns the events on."""
    directory: Path = tmp_path_factory.mktemp("watched")
    with Worker(shared_server.url(), directory) as worker:
        yield worker


@pytest.fixture(scope="module")
def flower(
    shared_server: Server, watched: Worker, client: App, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flower]:
    with Flower(shared_server.url(), tmp_path_factory.mktemp("flower")) as flower:
        wait_until(lambda: flower.get("workers?refresh=1").get(watched.node, {}).get("stats"), 15)

        def is_told() -> bool:
            task_id = client.send_task(TASKS + "add", (1, 2)).id
            return bool(wait_until(lambda: flower.state_of(task_id), 1.0))

        wait_until(lambda: _quietly(is_told), 20)
        yield flower


def _quietly(condition: Any) -> bool:
    try:
        return bool(condition())
    except AssertionError:
        return False


def facts(client: App, command: str, node: str) -> Any:
    """What the worker itself says."""
    return client.control.inspect(node, timeout=10).request(command)


def running(client: App, flower: Flower, worker: Worker, name: str) -> str:
    """The id of a task that runs for long."""
    task_id = str(client.send_task(TASKS + "mark", (name, 60)).id)
    wait_until(lambda: worker.started(name))
    wait_until(lambda: flower.state_of(task_id) == "STARTED")
    return task_id


def test_flower_shows_the_worker_and_what_becomes_of_tasks(
    client: App, flower: Flower, watched: Worker
) -> None:
    assert flower.get("workers?status=1") == {watched.node: True}
    info = flower.get(f"workers?workername={watched.node}&refresh=1")[watched.node]
    assert {"stats", "active_queues", "registered", "conf", "active", "reserved"} <= info.keys()
    done, failed = (client.send_task(TASKS + name, (1, 2)) for name in ("add", "fail_custom"))
    late = client.send_task(TASKS + "add", (1, 2), expires=-1)
    ends = {done.id: "SUCCESS", failed.id: "FAILURE", late.id: "REVOKED"}
    wait_until(lambda: {task_id: flower.state_of(task_id) for task_id in ends} == ends)
    seen = flower.get(f"task/info/{done.id}")
    assert (seen["name"], seen["args"], seen["result"], seen["worker"]) == (
        TASKS + "add", "(1, 2)", "3", watched.node,
    )  # fmt: skip
    assert "TypeError" in flower.get(f"task/info/{failed.id}")["exception"]
    assert flower.get("tasks?limit=100")[done.id]["state"] == "SUCCESS"


def test_what_flower_can_do_by_its_api(
    client: App, flower: Flower, watched: Worker, shared_server: Server, tmp_path: Path
) -> None:
    node = watched.node
    task_id = running(client, flower, watched, "by api")
    flower.post(f"task/revoke/{task_id}", terminate="true")
    wait_until(lambda: flower.state_of(task_id) == "REVOKED")
    revoked = client.send_task(TASKS + "add", (1, 2), countdown=60)
    wait_until(lambda: flower.state_of(revoked.id) == "RECEIVED")
    flower.post(f"task/revoke/{revoked.id}")
    wait_until(lambda: revoked.state == "REVOKED")

    flower.post(f"worker/pool/grow/{node}", n=2)
    wait_until(lambda: facts(client, "stats", node)["pool"]["max-concurrency"] == 4)
    flower.post(f"worker/pool/shrink/{node}", n=2)
    wait_until(lambda: facts(client, "stats", node)["pool"]["max-concurrency"] == 2)
    flower.post(f"worker/queue/add-consumer/{node}", queue="more")
    assert client.send_task(TASKS + "add", (1, 2), queue="more").get(timeout=10) == 3
    flower.post(f"worker/queue/cancel-consumer/{node}", queue="more")
    assert [each["name"] for each in facts(client, "active_queues", node)] == ["celery"]
    flower.post(f"task/rate-limit/{TASKS}add", workername=node, ratelimit="7/s")
    assert any("rate_limit=7/s" in each for each in facts(client, "registered", node))
    flower.post(f"task/timeout/{TASKS}add", workername=node, hard=9, soft=8)

    with Worker(shared_server.url(), tmp_path, "-Q", "other", name="w2", slots=1) as other:
        wait_until(lambda: other.node in flower.get("workers?refresh=1"))
        flower.post(f"worker/shutdown/{other.node}")
        assert other.wait() == 0
        wait_until(lambda: flower.get("workers?status=1")[other.node] is False)


class Page:
    """Headless Chromium on Flower's pages."""

    def __init__(self, url: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1200,640",
        ):
            options.add_argument(argument)
        service = webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver")
        self._browser = webdriver.Chrome(options, service)
        self._url = url

    def open(self, path: str) -> None:
        self._browser.get(f"{self._url}/{path}")

    def text(self) -> str:
        return self._browser.find_element(By.TAG_NAME, "body").text

    def find(self, id: str) -> WebElement:
        return self._browser.find_element(By.ID, id)

    def input_before(self, id: str) -> WebElement:
        return self.find(id).find_element(By.XPATH, "preceding-sibling::input")

    def type(self, text: str, into: WebElement) -> None:
        wait_until(into.is_displayed)
        into.send_keys(text)

    def click(self, id: str) -> None:
        # Not the mouse: what it hits depends on fonts and on what slides in.
        self._browser.execute_script("arguments[0].click()", self.find(id))

    def says(self, text: str) -> None:
        wait_until(lambda: text in self.text(), 10)

    def screenshot(self, path: str) -> None:
        self._browser.save_screenshot(path)

    def close(self) -> None:
        self._browser.quit()


@pytest.fixture
def page(flower: Flower) -> Iterator[Page]:
    page = Page(flower.url)
    yield page
    page.close()


def test_flowers_pages_show_and_operate_the_worker(
    client: App, flower: Flower, watched: Worker, page: Page
) -> None:
    node = watched.node
    task_id = running(client, flower, watched, "by page")
    page.open("workers")
    page.says(node)
    page.says("Online")
    page.open("tasks")
    page.says(f"{TASKS}mark")
    page.says("STARTED")
    if "SCREENSHOT" in os.environ:
        page.screenshot(os.environ["SCREENSHOT"])
    page.open(f"task/{task_id}")
    page.says(TASKS + "mark")
    page.click("task-terminate")
    wait_until(lambda: flower.state_of(task_id) == "REVOKED")
    later = client.send_task(TASKS + "add", (1, 2), countdown=600)
    wait_until(lambda: flower.state_of(later.id) == "RECEIVED")
    page.open(f"task/{later.id}")
    page.click("task-revoke")
    wait_until(lambda: later.state == "REVOKED")

    page.open(f"worker/{node}")
    page.says("Worker pool options")
    page.click("worker-pool-grow")
    wait_until(lambda: facts(client, "stats", node)["pool"]["max-concurrency"] == 3)
    page.click("worker-pool-shrink")
    wait_until(lambda: facts(client, "stats", node)["pool"]["max-concurrency"] == 2)
    page.click("worker-tab-limits")
    page.type("9", page.input_before(f"task-rate-limit-{TASKS}mark"))
    page.click(f"task-rate-limit-{TASKS}mark")
    wait_until(lambda: f"{TASKS}mark [rate_limit=9]" in facts(client, "registered", node))
    page.click("worker-tab-queues")
    page.type("by-page", page.find("add-consumer-name"))
    page.click("worker-add-consumer")
    wait_until(lambda: len(facts(client, "active_queues", node)) == 2)
    flower.get("workers?refresh=1")
    page.open(f"worker/{node}")
    page.click("worker-tab-queues")
    page.click("worker-cancel-consumer-by-page")
    wait_until(lambda: len(facts(client, "active_queues", node)) == 1)
    page.click("worker-shutdown")
    assert watched.wait() == 0
    page.open("workers")
    page.says("Offline")
