from django.apps import AppConfig

# Importing the app makes it Celery's current one in every process that loads Django. (Not in `backend/__init__.py`:
# the door imports `backend.door` before Celery is installed.)
from backend.celery import app as celery_app

__all__ = ["CoreConfig", "celery_app"]


class CoreConfig(AppConfig):
    name = "backend.core"
    label = "core"
