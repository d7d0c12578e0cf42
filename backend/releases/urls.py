from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from backend.releases import comparison_views, file_views, image_views, signature_views, views
from backend.releases.models import DRAFT
from cellcommons.versions import NEWEST, WANTED


class Version:
    """``2``, ``2.1`` or ``2.1.0``: the newest that fits; ``newest`` of all; ``draft``; or the id that a
    release had from its draft on."""

    regex = f"{WANTED.pattern}|{NEWEST}|{DRAFT}|{UUIDConverter.regex}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(Version, "version")

_RELEASE = "releases/<slug:lab>/<slug:slug>/<version:version>/"

urlpatterns = [
    path("datasets/<slug:lab>/<slug:slug>/releases/", views.DatasetReleasesView.as_view()),
    path("releases/", views.ReleaseListView.as_view()),
    path(_RELEASE, views.ReleaseView.as_view()),
    path(f"{_RELEASE}withdrawal/", views.WithdrawalView.as_view()),
    path(f"{_RELEASE}opening/", views.OpeningView.as_view()),
    path(f"{_RELEASE}diff/", comparison_views.DiffView.as_view()),
    path(f"{_RELEASE}diff/<uuid:comparison>/<str:name>", comparison_views.DiffFileView.as_view()),
    path(f"{_RELEASE}draft/", comparison_views.DraftView.as_view()),
    path(f"{_RELEASE}images/", image_views.ReleaseImagesView.as_view()),
    path(f"{_RELEASE}images/<uuid:image>/", image_views.ReleaseImageView.as_view()),
    path(f"{_RELEASE}images/<uuid:image>/preview.png", image_views.ReleasePreviewView.as_view()),
    path(f"{_RELEASE}images/<uuid:image>/<str:name>.ome.zarr/<path:path>", image_views.ReleaseZarrView.as_view()),
    path(f"{_RELEASE}files/", file_views.ReleaseFilesView.as_view()),
    path(f"{_RELEASE}files/<path:path>", file_views.ReleaseFileView.as_view()),
    path(f"{_RELEASE}manifest", views.ManifestView.as_view()),
    path(f"{_RELEASE}signature", signature_views.SignatureView.as_view()),
    path(f"{_RELEASE}objects/", views.ReleasePackView.as_view()),
    path("keys/", signature_views.SigningKeysView.as_view()),
    path(f"{_RELEASE}objects/sha256/<str:aa>/<str:bb>/<str:digest>", views.ReleaseObjectView.as_view()),
]
