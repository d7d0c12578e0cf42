"""The tasks a campaign can be about: one file each beside this one, one line each here."""

from __future__ import annotations

from backend.annotation.kinds.augmented import Augmented
from backend.annotation.kinds.classification import Classification
from backend.annotation.kinds.contract import Ground, Kind
from backend.annotation.kinds.instance_segmentation import InstanceSegmentation
from backend.annotation.kinds.semantic_segmentation import SemanticSegmentation
from backend.annotation.kinds.tracking import Tracking
from backend.annotation.models import Assignment, Campaign
from cellcommons.classes import Ontology, parse_ontology
from cellcommons.reading import Values

KINDS: dict[str, Kind] = {
    kind.task: kind
    for kind in (InstanceSegmentation(), SemanticSegmentation(), Classification(), Tracking(), Augmented())
}


def kind_of(campaign: Campaign) -> Kind:
    """What the campaign asks."""
    return KINDS[campaign.task]


def ontology_of(campaign: Campaign) -> Ontology | None:
    """The campaign's classes, where it has any."""
    return parse_ontology(campaign.ontology, where=campaign.name) if campaign.ontology is not None else None


def ground_of(assignment: Assignment, values: Values) -> Ground:
    """What answers of this assignment are checked against, ``values`` being what stands now."""
    return Ground(assignment.given, ontology_of(assignment.item.campaign), values)
