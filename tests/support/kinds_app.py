"""An app of ours with the tasks of `tests.support.task_kinds`."""

from __future__ import annotations

from runtime import App, Task, errors
from tests.support import task_kinds

app = App("kinds")
task_kinds.register(app, Task, errors)
