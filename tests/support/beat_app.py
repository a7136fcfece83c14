"""An app with periodic tasks, whose beat listens for a while when it leaves."""

from __future__ import annotations

import atexit
import signal

from runtime import hooks
from tests.support.app import app, mark, note

app.conf.beat_schedule = {
    "often": {"task": "tests.support.app.mark", "schedule": 0.2, "args": ("often",)},
    "hourly": {"task": "tests.support.app.mark", "schedule": 3600, "args": ("hourly",)},
    "broken": {"task": "tests.support.app.mark", "schedule": 0.2, "args": (object(),)},
}
app.add_periodic_task(3600.0, mark.s("added"), name="added")


@hooks.beat_embedded_init.connect
def _(**_: object) -> None:
    atexit.register(_listen)


def _listen() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if signal.sigtimedwait({signal.SIGTERM}, 0.3):
        note("beat is told twice to leave")
