"""What the web server runs: granian --interface asgi backend.asgi:application."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.hub")

application = get_asgi_application()
