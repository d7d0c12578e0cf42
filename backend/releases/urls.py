from django.urls import path, register_converter
from django.urls.converters import IntConverter

from backend.releases import comparison_views, views


class Edition(IntConverter):
    """1, 2, 3, ...: no zero, no leading zeros, and small enough for the database."""

    regex = "[1-9][0-9]{0,8}"


register_converter(Edition, "edition")

_EDITION = "releases/<slug:slug>/<edition:edition>/"

urlpatterns = [
    path("datasets/<slug:slug>/releases/", views.DatasetReleasesView.as_view()),
    path("releases/", views.ReleaseListView.as_view()),
    path(_EDITION, views.ReleaseView.as_view()),
    path(f"{_EDITION}withdrawal/", views.WithdrawalView.as_view()),
    path(f"{_EDITION}diff/", comparison_views.DiffView.as_view()),
    path(f"{_EDITION}diff/<uuid:comparison>/<str:name>", comparison_views.DiffFileView.as_view()),
    path(f"{_EDITION}draft/", comparison_views.DraftView.as_view()),
    path(f"{_EDITION}images/", views.ReleaseImagesView.as_view()),
    path(f"{_EDITION}images/<uuid:image>/preview.png", views.ReleasePreviewView.as_view()),
    path(f"{_EDITION}manifest", views.ManifestView.as_view()),
    path(f"{_EDITION}objects/sha256/<str:aa>/<str:bb>/<str:digest>", views.ReleaseObjectView.as_view()),
]
