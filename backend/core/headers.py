"""The content security policy of every answer: pages load nothing from elsewhere, data loads nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

_POLICY = "; ".join(
    [
        "default-src 'self'",
        # Decoders of zarr chunks are WebAssembly, and workers are started from blobs.
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self' blob: data:{bucket}",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
# Every stroke is answered by JSON: what a browser would show of it may do nothing, and says so in few bytes.
_DATA = "default-src 'none'; frame-ancestors 'none'"


def _bucket(endpoint: str) -> str:
    """Where parts of uploads go straight to the bucket: its address, and those that begin with the bucket's name."""
    if not endpoint:
        return ""
    place = urlsplit(endpoint)
    return f" {place.scheme}://{place.netloc} {place.scheme}://*.{place.netloc}"


@sync_and_async_middleware
def ContentSecurityPolicy(get_response: Callable) -> Callable:
    """Adds the header to every response that has none."""

    policy = _POLICY.format(bucket=_bucket(settings.OBJECTS_PUBLIC_ENDPOINT))

    def sealed(response: HttpResponse) -> HttpResponse:
        is_data = response.headers.get("Content-Type", "").startswith(("application/json", "application/problem+json"))
        response.headers.setdefault("Content-Security-Policy", _DATA if is_data else policy)
        return response

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            return sealed(await get_response(request))

        markcoroutinefunction(middleware)
        return middleware

    def middleware_sync(request: HttpRequest) -> HttpResponse:
        return sealed(get_response(request))

    return middleware_sync
