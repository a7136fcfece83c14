import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "for this example only"
INSTALLED_APPS = ["orders"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", BASE_DIR / "shop.sqlite3"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"  # of the log, too; Django's default is Chicago

CELERY_BROKER_URL = os.environ.get("SHOP_BROKER", "redis://localhost/0")
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_TASK_ACKS_LATE = True
