"""Cells of several readings: clustered, voted on pixel by pixel; structures without a majority are asked about."""

from __future__ import annotations

from collections.abc import Sequence

from backend.consensus.evidence import CellEvidence, Evidence, Support, single_rows
from backend.consensus.kinds.contract import SINGLE, Decision, Fused, ItemReading, Option, Region, Scene
from backend.consensus.kinds.painting import count_cells, settle_cells
from cellcommons.fusion.instances import fuse_instances
from cellcommons.reading import Reading


class InstanceSegmentation:
    task = "instance_segmentation"
    context = 0

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        ids = [one.annotation for one in readings]
        if len(readings) == 1:
            own = readings[0].reading
            return Fused(own, single_rows(ids[0], scene.rows(own)), 1.0, SINGLE)
        fusion = fuse_instances([one.reading.labels for one in readings])
        cells = tuple(
            CellEvidence(
                cell.id,
                cell.box,
                cell.area,
                round(cell.agreement, 6),
                tuple(Support(ids[reading], theirs) for reading, theirs in sorted(cell.support.items())),
            )
            for cell in fusion.cells
        )
        regions = tuple(
            Region(
                region.kind,
                region.box,
                tuple(
                    Option(
                        tuple(ids[reading] for reading in option.readings), count_cells(option.labels), option.labels
                    )
                    for option in region.options
                ),
            )
            for region in fusion.disagreements
        )
        return Fused(Reading(fusion.labels), cells, fusion.agreement, "fusion", regions)

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        return settle_cells(scene, base, evidence, decisions)
