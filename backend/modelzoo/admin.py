from django.contrib import admin

from backend.core.readonly_admin import ReadOnlyAdmin
from backend.modelzoo.models import ModelCard, PredictionRun, TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ["release", "state", "seed", "budget_seconds", "created", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["release__dataset"]


@admin.register(ModelCard)
class ModelCardAdmin(ReadOnlyAdmin):
    list_display = ["name", "checkpoint_sha256", "created"]
    search_fields = ["name"]


@admin.register(PredictionRun)
class PredictionRunAdmin(ReadOnlyAdmin):
    list_display = ["model_card", "campaign", "scope", "state", "images", "created"]
    list_filter = ["state", "scope"]
