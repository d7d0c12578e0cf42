from django.contrib import admin

from backend.core.readonly_admin import ReadOnlyAdmin
from backend.selection.models import Round


@admin.register(Round)
class RoundAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "number", "strategy", "size", "created"]
    list_filter = ["campaign", "strategy"]
