from django.contrib import admin

from backend.core.readonly_admin import ReadOnlyAdmin
from backend.releases.models import Release, SplitLock, Withdrawal


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "edition", "state", "manifest_sha256", "published_at"]
    list_filter = ["dataset", "state"]


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    list_display = ["release", "created", "person", "reason"]
    list_select_related = ["release__dataset", "person"]


@admin.register(SplitLock)
class SplitLockAdmin(ReadOnlyAdmin):
    list_display = ["source", "split", "first_release"]
    list_filter = ["dataset", "split"]
    list_select_related = ["source", "first_release__dataset"]
