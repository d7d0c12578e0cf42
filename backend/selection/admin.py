from django.contrib import admin

from backend.selection.models import Round


@admin.register(Round)
class RoundAdmin(admin.ModelAdmin):
    list_display = ["campaign", "number", "strategy", "size", "created"]
    list_filter = ["campaign", "strategy"]
