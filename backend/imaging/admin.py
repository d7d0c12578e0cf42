from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from backend.imaging.models import Dataset, Image, Import


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin):
    list_display = ["name", "visibility", "title", "licence", "created"]

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> list[str]:
        """Whose it is and who sees it stays as it was made."""
        return ["lab", "slug", "visibility"] if obj else []


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    list_display = ["name", "dataset", "stratum", "state", "created"]
    list_filter = ["dataset", "state"]
    search_fields = ["name"]


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):
    list_display = ["dataset", "layout", "state", "found", "imported", "created"]
