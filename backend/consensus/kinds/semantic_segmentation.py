"""Classes of pixels: most readers' class, or from five readers on the one that their estimated skill speaks for.

Of fewer, a tie goes to those whom the others agree with most. Areas in which heads and skill contradict each other, or
in which there is no majority, are asked about; what was chosen there pixel by pixel is one of the answers, although no
reader may have painted it so. See docs/decisions/0012-pixels-of-few-readers.md and 0013-skill-from-readings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from backend.consensus.evidence import CellEvidence, Evidence, Support, evidence_rows, settled_rows, single_rows
from backend.consensus.kinds.contract import SINGLE, Box, Decision, Fused, ItemReading, Option, Region, Scene
from backend.consensus.kinds.painting import count_cells, cut, padded
from cellcommons.fusion.semantic import SemanticFusion, fuse_semantic, peer_weights
from cellcommons.kinds.semantic_segmentation import class_raster, semantic_map
from cellcommons.labels import Labels
from cellcommons.reading import Reading

SURE = 0.6
"""Posterior of EM below which a class that most readers chose is unsure all the same."""
SURE_ALONE = 0.9
"""Posterior of EM that settles a class which not even most readers chose."""
MANY = 5
"""Readers from which EM is believed against the majority: of fewer, one image does not tell who is right."""
MIN_AREA = 64
"""Pixels that an unsure region needs to be asked about."""
MIN_WIDTH = 5
"""Pixels a side of a square that must fit into it: hands differ along every boundary, and no expert knows better."""
PAD = 4


class SemanticSegmentation:
    task = "semantic_segmentation"
    context = 0

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        assert scene.ontology is not None  # held by Postgres: campaign_has_its_classes
        if len(readings) == 1:
            own = readings[0].reading
            return Fused(own, single_rows(readings[0].annotation, scene.rows(own)), 1.0, SINGLE)
        maps = [semantic_map(one.reading.labels, scene.ontology) for one in readings]
        weighed = fuse_semantic(maps)
        few = len(readings) < MANY
        voted = fuse_semantic(maps, method="majority", weights=peer_weights(maps)) if few else weighed
        labels = class_raster(voted.consensus)
        open_regions = unsure_regions(labels, weighed, [one.reading.labels for one in readings])
        regions = []
        for inside, box in open_regions:
            regions.append(_region(readings, labels, inside, box))
            labels[box[0] : box[2], box[1] : box[3]][inside] = 0
        fused = Reading(labels)
        rows = scene.rows(fused)
        agreement = {row.id: _overlap(labels, readings, row.id) for row in rows}
        support = {
            row.id: tuple(Support(one.annotation, row.id) for one in readings if (one.reading.labels == row.id).any())
            for row in rows
        }
        return Fused(
            fused,
            evidence_rows(rows, agreement=agreement, support=support),
            _agreement([one.reading.labels for one in readings]),
            "majority" if few else "em",
            tuple(regions),
        )

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        labels = base.labels.copy()
        decided: dict[int, str] = {}
        for decision in decisions:
            assert decision.labels is not None  # a decision of a painted task has pixels
            # What readers painted there is the region; around it the box shows what was settled.
            asked = np.logical_or.reduce([raster > 0 for raster in decision.option_rasters()])
            window = labels[decision.box[0] : decision.box[2], decision.box[1] : decision.box[3]]
            window[asked] = decision.labels[asked]
            for value in np.unique(decision.labels[asked]).tolist():
                decided.setdefault(int(value), decision.adjudication)
        settled = Reading(labels)
        return settled, settled_rows(scene.rows(settled), {cell.id: cell for cell in evidence.cells}, decided)


def unsure_pixels(chosen: Labels, weighed: SemanticFusion, rasters: Sequence[Labels]) -> NDArray[np.bool_]:
    """Pixels that neither a majority that EM agrees with nor the skill of many readers settles. Bool, yx.

    Args:
        chosen: the class of each pixel. weighed: by EM. rasters: what readers said, 0 for nothing. All uint32, yx.
    """
    likely = (class_raster(weighed.consensus) == chosen) & (weighed.certainty >= SURE)
    votes = np.sum([raster > 0 for raster in rasters], axis=0)
    agree = np.sum([(raster == chosen) & (raster > 0) for raster in rasters], axis=0)
    settled = (agree == votes) | ((2 * agree > votes) & likely)
    settled |= (votes >= MANY) & likely & (weighed.certainty >= SURE_ALONE)
    return np.asarray(~settled)


def unsure_regions(
    chosen: Labels, weighed: SemanticFusion, rasters: Sequence[Labels]
) -> list[tuple[NDArray[np.bool_], Box]]:
    """Connected unsure regions that are large enough to ask about: mask of the box, box; in raster order."""
    unsure = unsure_pixels(chosen, weighed, rasters)
    numbered, _ = ndimage.label(unsure, structure=np.ones((3, 3)))
    wide = np.zeros(int(numbered.max(initial=0)) + 1, dtype=np.bool_)
    wide[numbered[ndimage.binary_erosion(unsure, np.ones((MIN_WIDTH, MIN_WIDTH)))]] = True
    found = []
    for index, place in enumerate(ndimage.find_objects(numbered), start=1):
        inside = numbered[place] == index
        if wide[index] and int(inside.sum()) >= MIN_AREA:
            rows, cols = place
            found.append((inside, (rows.start, cols.start, rows.stop, cols.stop)))
    return found


def _region(readings: Sequence[ItemReading], chosen: Labels, inside: NDArray[np.bool_], box: Box) -> Region:
    shown = padded(box, PAD, chosen.shape)
    mask = np.zeros((shown[2] - shown[0], shown[3] - shown[1]), dtype=np.bool_)
    top, left = box[0] - shown[0], box[1] - shown[1]
    mask[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    same: dict[bytes, tuple[Labels, list[str]]] = {}
    for one in readings:
        painted = np.where(mask, cut(one.reading.labels, shown), 0).astype(np.uint32)
        if painted.any():  # who said nothing there gave no answer
            same.setdefault(painted.tobytes(), (painted, []))[1].append(one.annotation)
    options = sorted(same.values(), key=lambda said: (-len(said[1]), -int((said[0] > 0).sum()), said[0].tobytes()))
    mixed = np.where(mask, cut(chosen, shown), 0).astype(np.uint32)
    if len(readings) > 2:  # of two there is nothing to choose from but what they said
        options = [same.get(mixed.tobytes(), (mixed, [])), *(o for o in options if o[0].tobytes() != mixed.tobytes())]
    return Region("class", shown, tuple(Option(tuple(who), count_cells(said), said) for said, who in options))


def _overlap(labels: Labels, readings: Sequence[ItemReading], value: int) -> float:
    """Mean over the readings of the Jaccard index of one class with the consensus, where both say something."""
    found = []
    for one in readings:
        both = (labels > 0) & (one.reading.labels > 0)
        mine, theirs = (labels == value) & both, (one.reading.labels == value) & both
        union = int(np.count_nonzero(mine | theirs))
        found.append(int(np.count_nonzero(mine & theirs)) / union if union else 1.0)
    return float(np.mean(found))


def _agreement(rasters: Sequence[Labels]) -> float:
    """Mean over pairs of readings of the share of pixels, of those that both name, that both name alike."""
    shares = []
    for one, other in combinations(rasters, 2):
        both = (one > 0) & (other > 0)
        if both.any():
            shares.append(float((one[both] == other[both]).mean()))
    return float(np.mean(shares)) if shares else 1.0
