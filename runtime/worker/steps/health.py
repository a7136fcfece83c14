"""Health: the worker's word about itself."""

from __future__ import annotations

import os

from runtime.bootsteps.step import Parts, Step
from runtime.worker.health.health import Health


class HealthStep(Step[Health]):
    """Before the first child copies the environment, for it takes the service manager's variables out."""

    name = "Health"

    def start(self, parts: Parts) -> Health:
        return Health(parts.plan.options.http or parts.plan.app.conf.worker_http, os.environ)

    def stop(self, part: Health) -> None:
        part.close()
