"""Real nuclei and boxes through COCO, beside pycocotools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as peer
from pycocotools.coco import COCO

from cellcommons.layouts.coco import Coco
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import Voc
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.sameness import assert_same_truth

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.real_data
def test_real_nuclei_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    entries = Dsb2018().scan(real_data / "seg_dsb2018_fixes").entries[:20]
    wanted = {entry.name: Dsb2018().read(entry) for entry in entries}
    write_layout(Coco(), wanted.values(), tmp_path / "out")
    assert guess_layout(tmp_path / "out").name == "coco"
    scan = Coco().scan(tmp_path / "out")
    assert (len(scan.entries), scan.skipped) == (20, ())
    theirs = COCO(str(tmp_path / "out" / "annotations" / "instances.json"))
    for entry in scan.entries:
        record, one = Coco().read(entry), wanted[entry.name]
        assert_same_truth(record.truth, one.truth, Coco.carries)
        assert np.array_equal(record.image.data, one.image.data)
        assert entry.stratum == one.entry.stratum
        found = theirs.loadAnns(theirs.getAnnIds(imgIds=[entry.metadata["image_id"]]))
        for annotation, cell in zip(found[:10], record.truth.cells[:10], strict=True):
            y0, x0, y1, x1 = cell.box
            assert np.array_equal(theirs.annToMask(annotation)[y0:y1, x0:x1], cell.mask)
            assert int(peer.area(theirs.annToRLE(annotation))) == cell.area


@pytest.mark.real_data
def test_real_boxes_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    source = Voc().scan(real_data / "cls_det_bccd_voc")
    wanted = {entry.name: Voc().read(entry) for entry in source.entries[:40]}
    write_layout(Coco(), wanted.values(), tmp_path / "out")
    scan = Coco().scan(tmp_path / "out")
    assert (len(scan.entries), scan.skipped) == (40, ())
    for entry in scan.entries:
        record, one = Coco().read(entry), wanted[entry.name]
        assert_same_truth(record.truth, one.truth, Coco.carries)
        assert np.array_equal(record.image.data, one.image.data)
        assert entry.split == one.entry.split
