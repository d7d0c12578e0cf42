"""The browser part: files of the built workbench, and its index for every address that is not a file."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Cell Commons</title>
<style>body{background:#14171c;color:#d7dce3;font:16px/1.6 system-ui,sans-serif;display:grid;place-items:center;
min-height:100vh;margin:0}main{max-width:34rem;padding:2rem}code{background:#222831;padding:.1em .4em;border-radius:4px}
a{color:#7cc4ff}</style><main><h1>The pages are not built yet</h1>
<p>The hub runs, and its <a href="/api/schema/">API</a> answers. To build the pages, stop the hub and start it with
<code>./hub up</code>, or run <code>npm ci &amp;&amp; npm run build</code> in <code>annotator_ui/</code>.</p>
</main></html>
"""
# What packs well, and holds no secret that its packed size could give away.
_PACKED = {".js", ".mjs", ".css", ".html", ".svg", ".json", ".wasm"}
# Some machines' tables lack these, and a browser refuses a module of another type.
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css"}


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest, path: str = "") -> HttpResponse:
    """A file of the built workbench; its index for the addresses it draws itself."""
    root: Path = settings.UI_FOLDER
    target = (root / path).resolve()
    if path and target.is_relative_to(root.resolve()) and target.is_file():
        return _file(request, target, immutable=path.startswith("assets/"))
    if Path(path).suffix in _TYPES or path.startswith("assets/"):
        # An old tab asking for a replaced script must not get HTML in its place.
        return HttpResponse("no such file\n", status=404, content_type="text/plain")
    index = root / "index.html"
    if not index.is_file():
        return HttpResponse(_NOT_BUILT, status=503)
    return _file(request, index, immutable=False)


def _file(request: HttpRequest, target: Path, *, immutable: bool) -> HttpResponse:
    kind = _TYPES.get(target.suffix) or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    # Names in assets/ carry a hash of their content.
    cache = "public, max-age=31536000, immutable" if immutable else "no-cache"
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    if target.suffix in _PACKED and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return HttpResponse(_packed(target, target.stat().st_mtime_ns), content_type=kind, headers=headers)
    return HttpResponse(target.read_bytes(), content_type=kind, headers=headers)


@lru_cache(maxsize=256)
def _packed(target: Path, _changed: int) -> bytes:
    """The file's bytes as gzip; made once, for they are the same for everybody."""
    return gzip.compress(target.read_bytes(), compresslevel=9, mtime=0)
