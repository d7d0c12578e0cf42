from django.contrib import admin

from backend.consensus.models import Adjudication, Consensus, Disagreement


@admin.register(Consensus)
class ConsensusAdmin(admin.ModelAdmin):
    list_display = ["item", "revision", "state", "method", "cells", "agreement", "created"]
    list_filter = ["state", "method"]


@admin.register(Disagreement)
class DisagreementAdmin(admin.ModelAdmin):
    list_display = ["item", "kind", "state", "created"]
    list_filter = ["state", "kind"]


@admin.register(Adjudication)
class AdjudicationAdmin(admin.ModelAdmin):
    list_display = ["disagreement", "person", "option", "had_read", "created"]
