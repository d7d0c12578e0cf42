from django.apps import AppConfig

from backend.core.sweep import register_sweep


class ReleasesConfig(AppConfig):
    name = "backend.releases"
    label = "releases"

    def ready(self) -> None:
        from backend.releases.comparing import sweep_comparisons  # models exist only now
        from backend.releases.services import sweep_releases  # models exist only now
        from backend.releases.signatures import sweep_signatures

        register_sweep("releases.unsigned", sweep_signatures)
        register_sweep("releases.unpublished", sweep_releases)
        register_sweep("releases.uncompared", sweep_comparisons)
