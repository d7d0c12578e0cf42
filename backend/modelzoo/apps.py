from django.apps import AppConfig

from backend.core.sweep import register_sweep


class ModelzooConfig(AppConfig):
    name = "backend.modelzoo"
    label = "modelzoo"

    def ready(self) -> None:
        from backend.modelzoo.services import sweep_runs  # models exist only now

        register_sweep("modelzoo.runs", sweep_runs)
