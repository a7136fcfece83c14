"""An app of runtime's, with the same settings; its tasks are in the modules called `jobs`."""

import os

from runtime import App

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

app = App("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = "own"
app.autodiscover_tasks(related_name="jobs")
