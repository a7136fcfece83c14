"""Tasks that the broker holds until they are due, and that are revoked meanwhile."""

from __future__ import annotations

from contextlib import closing

import pytest

from runtime import App, chord
from runtime.errors import ChordError, TaskRevokedError
from tests.support.ear import Ear
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

MARK, ADD = "tests.support.app.mark", "tests.support.app.add"


def test_they_end_at_once_though_nothing_can_be_taken(app: App, server: Server, worker: Worker) -> None:
    wait_until(app.control.ping)
    app.control.enable_events(reply=True)
    asked = app.control.inspect(worker.node)
    with closing(Ear(app)) as ear:
        far = app.send_task(MARK, ["far"], countdown=600)
        stays = app.send_task(MARK, ["stays"], countdown=600)
        stamped = app.signature(MARK, ["stamped"]).stamp(monitor="m1").apply_async(countdown=600)
        part = app.signature(ADD, (1, 1)).set(countdown=600)
        body = chord([part], app.signature("canvas.total")).apply_async()
        wait_until(lambda: len(asked.scheduled()) == 4)
        busy = [app.send_task(MARK, [name, 60]) for name in ("busy", "too")]
        wait_until(lambda: worker.started("busy") and worker.started("too"))

        member = body.parent.results[0]
        app.control.revoke([far.id, member.id])
        app.control.revoke_by_stamped_headers({"monitor": "m1"})
        with pytest.raises(TaskRevokedError):
            stamped.get(timeout=5)
        wait_until(lambda: [each["request"]["id"] for each in asked.scheduled()] == [stays.id])
        for revoked in (far.id, member.id, stamped.id):
            ear.until(lambda revoked=revoked: ear.types(revoked)[-1:] == ["task-revoked"])
            assert f"[{revoked}]" in worker.log().partition("Discarding revoked task")[2]
        assert server.client.hlen("unacked") == 3
        app.control.revoke([each.id for each in busy], terminate=True)
        with pytest.raises(ChordError, match="revoked"):
            body.get(timeout=5)
        (held,) = server.client.keys("runtime.eta.*")
        assert server.client.zcard(held) == 1
    assert not worker.started("far")
