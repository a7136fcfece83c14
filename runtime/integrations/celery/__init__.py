"""An unmodified `celery.Celery` app under our supervisor.

Children load it as Celery's own worker would (`child.py`) and give each message to Celery's tracer
(`runner.py`): the request, retries, canvas, results, signals and fixups are Celery's. The supervisor,
which never runs the app's code, knows it by an `App` with its settings translated (`stand_in.py`).

Celery is imported here and nowhere else, and only for an app of its.
"""
