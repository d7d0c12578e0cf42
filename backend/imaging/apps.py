from django.apps import AppConfig

from backend.core.sweep import register_sweep


class ImagingConfig(AppConfig):
    name = "backend.imaging"
    label = "imaging"

    def ready(self) -> None:
        from backend.imaging.services.imports import take_up_imports  # models exist only now
        from backend.imaging.services.uploads import sweep_uploads

        register_sweep("imaging.imports", take_up_imports)
        register_sweep("imaging.uploads", sweep_uploads)
