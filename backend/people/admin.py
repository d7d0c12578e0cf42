from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from backend.people.models import Lab, Membership, Person


@admin.register(Person)
class PersonAdmin(UserAdmin):
    list_display = ["username", "display_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    fieldsets = (*UserAdmin.fieldsets, ("Cell Commons", {"fields": ["role", "display_name"]}))
    add_fieldsets = (*UserAdmin.add_fieldsets, (None, {"fields": ["role", "display_name"]}))


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    raw_id_fields = ["person"]


@admin.register(Lab)
class LabAdmin(admin.ModelAdmin):
    list_display = ["slug", "title", "created"]
    inlines = [MembershipInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Lab | None = None) -> list[str]:
        return ["slug", "created"] if obj else ["created"]
