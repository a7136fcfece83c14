"""The pictures of `runtime graph`."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from runtime.cli.graph import bootsteps, drawn
from runtime.worker.graph import FORMATS, dot, mermaid, svg

README = Path(__file__).parents[2] / "README.md"
STATS = {
    "a@one": {"pool": {"implementation": "prefork", "max-concurrency": 4}},
    'b"<@two': {"pool": {}},
    "c@two": {"pool": {"implementation": "celery.concurrency.gevent:TaskPool", "max-concurrency": 1}},
}
QUEUES = {"a@one": [{"name": "celery"}, {"name": "slow"}]}


def printed(form: str, app: str | None = None) -> str:
    """What `runtime graph bootsteps` says."""
    done = CliRunner().invoke(bootsteps, ["--format", form], obj=app)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_readme_shows_the_blueprints_as_the_command_prints_them() -> None:
    assert f"```mermaid\n{printed('mermaid')}```" in README.read_text()


@pytest.mark.parametrize("form", FORMATS)
def test_steps_of_users_are_drawn_too(form: str) -> None:
    assert "HeartbeatFile" in printed(form, "examples.bootsteps")
    assert "HeartbeatFile" not in printed(form)


def test_workers_are_drawn_with_host_pool_and_queues() -> None:
    graph = drawn(STATS, QUEUES)
    assert [group.title for group in graph.groups] == ["queues", "host one", "host two"]
    assert graph.arrows == [
        ("queues: celery", "host one: a@one\nprefork, 4 slots"),
        ("queues: slow", "host one: a@one\nprefork, 4 slots"),
    ]


def test_names_of_others_do_no_harm_to_the_picture() -> None:
    graph = drawn(STATS, QUEUES)
    texts = {
        text.text for text in ElementTree.fromstring(svg(graph)).iter("{http://www.w3.org/2000/svg}text")
    }
    assert {"queues", "celery", 'b"<@two', "a@one", "prefork, 4 slots", "gevent, 1 slot"} <= texts
    assert '"host two: b\\"<@two\\npool unknown, ? slots"' in dot(graph)
    assert '["b&quot;&lt;@two<br>pool unknown, ? slots"]' in mermaid(graph)
