from django.apps import AppConfig

from backend.core.sweep import register_sweep


class SelectionConfig(AppConfig):
    name = "backend.selection"
    label = "selection"

    def ready(self) -> None:
        from backend.selection.demo.turning import sweep_demo  # models exist only now

        register_sweep("selection.demo", sweep_demo)
