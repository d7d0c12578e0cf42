from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from backend.people.models import Person


@admin.register(Person)
class PersonAdmin(UserAdmin):
    list_display = ["username", "display_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    fieldsets = (*UserAdmin.fieldsets, ("Cell Commons", {"fields": ["role", "display_name"]}))
    add_fieldsets = (*UserAdmin.add_fieldsets, (None, {"fields": ["role", "display_name"]}))
