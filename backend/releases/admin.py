from django.contrib import admin

from backend.core.readonly_admin import ReadOnlyAdmin
from backend.releases.models import Comparison, Opening, Release, SplitLock, Withdrawal


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "version", "state", "manifest_sha256", "published_at"]
    list_filter = ["dataset", "state"]


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    list_display = ["release", "created", "person", "reason"]
    list_select_related = ["release__dataset", "person"]


@admin.register(Opening)
class OpeningAdmin(ReadOnlyAdmin):
    list_display = ["release", "created", "person"]
    list_select_related = ["release__dataset", "person"]


@admin.register(SplitLock)
class SplitLockAdmin(ReadOnlyAdmin):
    list_display = ["source", "split", "first_release"]
    list_filter = ["dataset", "split"]
    list_select_related = ["source", "first_release__dataset"]


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = ["before", "after", "state", "asked_at", "error"]
    list_filter = ["state"]
    list_select_related = ["before__dataset", "after__dataset"]
