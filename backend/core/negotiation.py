"""What a request accepts does not choose what an address serves: each serves one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class OneForm(BaseContentNegotiation):
    """Always the view's first renderer, so that ``Accept: image/png`` or ``text/event-stream`` is no error."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        content_type = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
