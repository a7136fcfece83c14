"""Every setting once, by prefix; and Celery's settings that have no effect here, with the reason."""
