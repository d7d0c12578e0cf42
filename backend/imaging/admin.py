from django.contrib import admin

from backend.imaging.models import Dataset, Image, Import


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin):
    list_display = ["slug", "title", "licence", "created"]


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    list_display = ["name", "dataset", "stratum", "state", "created"]
    list_filter = ["dataset", "state"]
    search_fields = ["name"]


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):
    list_display = ["dataset", "layout", "state", "found", "imported", "created"]
