from django.contrib import admin

from backend.consensus.models import Adjudication, Consensus, Disagreement
from backend.core.readonly_admin import ReadOnlyAdmin


@admin.register(Consensus)
class ConsensusAdmin(ReadOnlyAdmin):
    list_display = ["item", "revision", "state", "method", "cells", "agreement", "created"]
    list_filter = ["state", "method"]


@admin.register(Disagreement)
class DisagreementAdmin(ReadOnlyAdmin):
    list_display = ["item", "kind", "state", "created"]
    list_filter = ["state", "kind"]


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnlyAdmin):
    list_display = ["disagreement", "person", "option", "had_read", "created"]
