"""Every address of the hub."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from backend.core import errors
from backend.core.pages import page
from backend.releases.page_views import release_page

api = [
    path("", include("backend.core.urls")),
    path("", include("backend.people.urls")),
    path("", include("backend.imaging.urls")),
    path("", include("backend.annotation.urls")),
    path("", include("backend.consensus.urls")),
    path("", include("backend.releases.urls")),
    path("", include("backend.modelzoo.urls")),
    path("", include("backend.selection.urls")),
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    re_path("^api/", errors.no_such_route),
    path("admin/", admin.site.urls),
    # Only the admin's own few files: no need for a collected folder.
    path("static/<path:path>", partial(serve, insecure=True)),
    path("releases/<slug:lab>/<slug:slug>/<version:version>", release_page),
    re_path("^(?P<path>.*)$", page),
]

handler400 = "backend.core.errors.bad_request"
handler500 = "backend.core.errors.server_fault"
