"""The page of a release as a browser or a crawler first asks for it: 410 and the reason where it was taken back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from backend.core.pages import page
from backend.releases.selectors import pick_release, visible_releases


def release_page(request: HttpRequest, lab: str, slug: str, version: str) -> HttpResponse:
    """The browser part, which draws the release; with a status of its own and words for those without scripts."""
    release = pick_release(visible_releases(request.user), f"{lab}/{slug}", version)
    response = page(request)
    if response.status_code != 200:
        return response
    if release is None:
        response.status_code = 404
    elif tombstone := release.tombstone:
        response.status_code = 410
        told = format_html(
            "<noscript><h1>{} was withdrawn</h1><p>{}</p></noscript></body>", release.reference, tombstone.reason
        )
        response.content = response.content.replace(b"</body>", told.encode())
    return response
