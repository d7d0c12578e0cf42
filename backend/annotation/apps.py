from django.apps import AppConfig

from backend.core.sweep import register_sweep


class AnnotationConfig(AppConfig):
    name = "backend.annotation"
    label = "annotation"

    def ready(self) -> None:
        from backend.annotation.services.leases import expire_overdue_leases  # models exist only now
        from backend.annotation.services.proposals import take_up_proposals

        register_sweep("annotation.leases", expire_overdue_leases)
        register_sweep("annotation.proposals", take_up_proposals)
