"""The tasks whose readings can be fused: one file each beside this one, one line each here."""

from __future__ import annotations

from backend.annotation.models import Campaign
from backend.consensus.kinds.augmented import Augmented
from backend.consensus.kinds.classification import Classification
from backend.consensus.kinds.contract import Kind
from backend.consensus.kinds.instance_segmentation import InstanceSegmentation
from backend.consensus.kinds.semantic_segmentation import SemanticSegmentation
from backend.consensus.kinds.tracking import Tracking

KINDS: dict[str, Kind] = {
    kind.task: kind
    for kind in (InstanceSegmentation(), SemanticSegmentation(), Classification(), Tracking(), Augmented())
}


def kind_of(campaign: Campaign) -> Kind:
    """How the campaign's readings are fused."""
    return KINDS[campaign.task]
