"""What the web server runs: granian --interface asgi backend.asgi:application."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.hub")

pages_and_api = get_asgi_application()

from backend.core.part_intake import Receive, Scope, Send, is_part, take_part  # noqa: E402 settings are there only now


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Parts of uploads go to the object store as they come; all else is Django's."""
    await (take_part if is_part(scope) else pages_and_api)(scope, receive, send)
