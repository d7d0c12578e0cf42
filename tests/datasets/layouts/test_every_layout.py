"""No layout goes unproved: each that is written passes the suite, and each written folder is told from all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellcommons.layouts.contract import WritableLayout
from cellcommons.layouts.registry import all_layouts, get_layout, guesses
from tests.fuzz.seeds import layout_seeds, layout_suites

VIEWS = {"voc_crops"}


def test_every_layout_is_written_and_passes_the_suite() -> None:
    written = {layout.name for layout in all_layouts() if isinstance(layout, WritableLayout)}
    assert {layout.name for layout in all_layouts()} - written == VIEWS
    assert {suite.layout.name for suite in layout_suites()} == written


def test_a_written_folder_is_told_from_all_others(tmp_path: Path) -> None:
    """The layout itself is the first guess, or (a folder of pictures) the first that may be."""
    shy = {suite.layout.name for suite in layout_suites() if not suite.guessable}
    for name, (layout, path) in layout_seeds(tmp_path).items():
        best = guesses(path)[0]
        assert best.layout.name == layout or layout in shy, f"{name}: {best.layout.name} {best.likely} ({best.reason})"
        assert get_layout(layout).guess(path)[0] > 0


REAL = {
    "seg_dsb2018_fixes": "dsb2018",
    "crowd_seg_bubil": "bubil",
    "crowd_seg_cfos_experts": "cfos_experts",
    "crowd_cells_miccai2020": "miccai2020_boxes",
    "cls_det_bccd_voc": "voc",
    "cls_sbs_translocation": "plate",
    "track_usiigaci_t98g": "usiigaci",
    "track_nist_lineage": "nist_lineage",
    "aug_isl_labelfree": "isl",
    "seg_stardist_samples": "stardist",
    "seg_plantseg_h5": "hdf5",
}


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "layout"), REAL.items())
def test_real_folders_are_told(real_data: Path, folder: str, layout: str) -> None:
    found = guesses(real_data / folder)
    assert found[0].layout.name == layout, [(g.layout.name, g.likely, g.reason) for g in found[:4]]
