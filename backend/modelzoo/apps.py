from django.apps import AppConfig

from backend.core.garbage import register_refs
from backend.core.sweep import register_sweep


class ModelzooConfig(AppConfig):
    name = "backend.modelzoo"
    label = "modelzoo"

    def ready(self) -> None:
        from backend.modelzoo.services import sweep_runs  # models exist only now
        from backend.modelzoo.services.runs import refs_of_runs

        register_sweep("modelzoo.runs", sweep_runs)
        register_refs(refs_of_runs)
