"""A Django project with a Celery app, which nothing here has changed for `runtime`.

python manage.py migrate
runtime -A shop start                 # instead of: celery -A shop worker
runtime -A shop call orders.tasks.place alice 12

The same project with an app of runtime's own, to which it could move step by step:

runtime -A shop.own start -Q own
"""

import os
import sys

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
