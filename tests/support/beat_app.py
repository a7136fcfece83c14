"""An app with periodic tasks."""

from __future__ import annotations

from tests.support.app import app, mark

app.conf.beat_schedule = {
    "often": {"task": "tests.support.app.mark", "schedule": 0.2, "args": ("often",)},
    "hourly": {"task": "tests.support.app.mark", "schedule": 3600, "args": ("hourly",)},
    "broken": {"task": "tests.support.app.mark", "schedule": 0.2, "args": (object(),)},
}
app.add_periodic_task(3600.0, mark.s("added"), name="added")
