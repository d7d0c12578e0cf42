from django.apps import AppConfig

from backend.annotation.progress import register_outcomes
from backend.core.sweep import register_sweep


class ConsensusConfig(AppConfig):
    name = "backend.consensus"
    label = "consensus"

    def ready(self) -> None:
        from backend.consensus.selectors import count_outcomes  # models exist only now
        from backend.consensus.services import sweep_consensus

        register_outcomes(count_outcomes)
        register_sweep("consensus.items", sweep_consensus)
