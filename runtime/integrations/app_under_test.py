"""The app of a project under test, for its worker: with the broker of the tests."""

from __future__ import annotations

import os

from runtime.app.load import find_app
from runtime.integrations.worker_under_test import BROKER, NAME, settings

app = find_app(os.environ[NAME])
app.conf.update(settings(os.environ[BROKER]))
