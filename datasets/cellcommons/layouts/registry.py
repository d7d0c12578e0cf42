"""Which layouts there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import NotFound, UnknownLayout
from cellcommons.layouts.bbbc import Bbbc
from cellcommons.layouts.bubil import Bubil
from cellcommons.layouts.cellpose import Cellpose
from cellcommons.layouts.cfos import Cfos
from cellcommons.layouts.class_folders import ClassFolders
from cellcommons.layouts.coco import Coco
from cellcommons.layouts.contract import Layout
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.cvat import Cvat
from cellcommons.layouts.deepcell import DeepCell
from cellcommons.layouts.deepcell_tracks import DeepCellTracks
from cellcommons.layouts.deeplabcut import DeepLabCut
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.fiji_roi import FijiRoi
from cellcommons.layouts.geff import Geff
from cellcommons.layouts.hcs_plates import Hcs
from cellcommons.layouts.hdf5_volumes import Hdf5
from cellcommons.layouts.hpa import Hpa
from cellcommons.layouts.isl import Isl
from cellcommons.layouts.label_studio import LabelStudio
from cellcommons.layouts.miccai2020 import Miccai2020
from cellcommons.layouts.nist_lineage import NistLineage
from cellcommons.layouts.ome_zarr_images import OmeZarr
from cellcommons.layouts.paired import Paired
from cellcommons.layouts.plain import Plain
from cellcommons.layouts.plate import Plate
from cellcommons.layouts.qupath import QuPath
from cellcommons.layouts.stardist import StarDist
from cellcommons.layouts.trackmate import TrackMate
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.layouts.voc import Voc, VocCrops
from cellcommons.layouts.voc_segmentation import VocSegmentation
from cellcommons.layouts.yolo import Yolo, YoloSegments

_LAYOUTS: tuple[Layout, ...] = (
    Dsb2018(),
    Coco(),
    Cvat(),
    LabelStudio(),
    Voc(),
    VocCrops(),
    VocSegmentation(),
    Yolo(),
    YoloSegments(),
    Plate(),
    Bbbc(),
    Hpa(),
    ClassFolders(),
    Bubil(),
    Cfos(),
    DeepLabCut(),
    Miccai2020(),
    Isl(),
    Paired(),
    Ctc(),
    Geff(),
    Usiigaci(),
    NistLineage(),
    TrackMate(),
    QuPath(),
    FijiRoi(),
    Cellpose(),
    Hdf5(),
    DeepCell(),
    DeepCellTracks(),
    Hcs(),
    OmeZarr(),
    StarDist(),
    Plain(),
)


def all_layouts() -> tuple[Layout, ...]:
    """Every known layout, the more specific first."""
    return _LAYOUTS


def get_layout(name: str) -> Layout:
    """The layout called ``name``. Raises UnknownLayout, which names the known ones."""
    for layout in _LAYOUTS:
        if layout.name == name:
            return layout
    known = ", ".join(layout.name for layout in _LAYOUTS)
    raise UnknownLayout("no such layout", where=name, remedy=f"Choose one of: {known}.")


@dataclass(frozen=True)
class Guess:
    """How likely a path follows a layout, 0..1, and why."""

    layout: Layout
    likely: float
    reason: str


def guesses(path: Path) -> tuple[Guess, ...]:
    """What every layout says of ``path``, the likeliest first. Raises NotFound if there is no such path."""
    if not path.exists():
        raise NotFound("no such file or folder", where=str(path))
    found = [Guess(layout, *layout.guess(path)) for layout in _LAYOUTS]
    return tuple(sorted(found, key=lambda guess: -guess.likely))


def guess_layout(path: Path) -> Layout:
    """The layout that ``path`` most likely follows.

    Raises:
        NotFound: no such path.
        UnknownLayout: it follows none; the message says why not, layout by layout.
    """
    found = guesses(path)
    if found[0].likely == 0.0:
        reasons = "; ".join(f"{guess.layout.name}: {guess.reason}" for guess in found)
        raise UnknownLayout(f"it follows no known layout ({reasons})", where=str(path))
    return found[0].layout
