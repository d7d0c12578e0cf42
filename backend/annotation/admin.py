from django.contrib import admin

from backend.annotation.models import Assignment, Campaign


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["name", "title", "dataset", "state", "readings_needed", "created"]
    list_filter = ["state"]


@admin.register(Assignment)
class AssignmentAdmin(admin.ModelAdmin):
    list_display = ["item", "person", "state", "lease_expires_at", "edit_count"]
    list_filter = ["state"]
    raw_id_fields = ["item", "person", "draft"]
