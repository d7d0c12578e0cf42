"""The hub's side of the queue: the `cpu` and `io` workers."""

from __future__ import annotations

import os

from celery import Celery

from backend.clock import Clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.hub")

app = Celery("backend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(Clock)
