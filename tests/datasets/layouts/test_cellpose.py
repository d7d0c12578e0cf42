"""Cellpose's folders: as its programs write them, as we write them, and as nobody should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from cellcommons.errors import CellCommonsError, MismatchedShapes, UnknownLayout, UnreadableFile, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.cellpose import Cellpose, read_seg
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite

MASKS = np.zeros((8, 7), dtype=np.uint16)
MASKS[1:4, 1:4], MASKS[5:, 2:] = 1, 2


class TestCellpose(LayoutSuite):
    layout = Cellpose()


def seg(**more: Any) -> dict[str, Any]:
    """What ``cellpose.io.masks_flows_to_seg`` of 3.1 saves."""
    return {
        "outlines": MASKS, "masks": MASKS, "chan_choose": [2, 1], "ismanual": np.array([True, False]),
        "filename": "/home/someone/a.tif", "flows": [np.zeros((1, 8, 7, 3), np.uint8), np.zeros((1, 8, 7)), [], []],
        "diameter": np.float32(17.5), **more,
    }  # fmt: skip


def saved(folder: Path, name: str, content: Any, image: np.ndarray | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / f"{name}.tif", np.ones((8, 7), np.uint8) if image is None else image)
    np.save(folder / f"{name}_seg.npy", content)


def read(path: Path) -> dict[str, Record]:
    return {entry.name: Cellpose().read(entry) for entry in Cellpose().scan(path).entries}


def test_what_cellpose_saves_is_read(tmp_path: Path) -> None:
    saved(tmp_path / "train", "a", seg())
    saved(tmp_path / "test", "b", seg(est_diam=9.0, ismanual=np.zeros(1, bool)))
    tifffile.imwrite(tmp_path / "test" / "c.tif", np.ones((8, 7), np.uint8))
    tifffile.imwrite(tmp_path / "test" / "c_flows.tif", np.ones((8, 7), np.uint8))
    np.save(tmp_path / "test" / "lost_seg.npy", seg())
    assert Cellpose().guess(tmp_path)[0] > 0.95
    scan = Cellpose().scan(tmp_path)
    assert {entry.name: entry.split for entry in scan.entries} == {"a": "train", "b": "test", "c": "test"}
    assert sorted(s.path.name for s in scan.skipped) == ["c_flows.tif", "lost_seg.npy"]
    found = read(tmp_path)
    np.testing.assert_array_equal(found["a"].labels, MASKS)
    said = found["a"].entry.metadata
    assert (said["manual"], said["diameter"], said["channels"]) == (1, 17.5, [2, 1])
    assert found["b"].entry.metadata["manual"] is None
    assert found["c"].truth is None


def test_masks_as_pictures(tmp_path: Path) -> None:
    for name in ("000", "001"):
        (tmp_path / f"{name}_img.png").write_bytes(imagecodecs.png_encode(np.ones((8, 7), np.uint8)))
        (tmp_path / f"{name}_masks.png").write_bytes(imagecodecs.png_encode(MASKS))
    tifffile.imwrite(tmp_path / "z.tif", np.ones((8, 7), np.uint8))
    tifffile.imwrite(tmp_path / "z_cp_masks.tif", MASKS)
    found = read(tmp_path)
    assert sorted(found) == ["000", "001", "z"]
    for record in found.values():
        np.testing.assert_array_equal(record.labels, MASKS)


def test_volumes(tmp_path: Path) -> None:
    saved(tmp_path, "a", seg(masks=np.stack([MASKS] * 9)), np.arange(504, dtype=np.uint16).reshape(9, 8, 7))
    saved(tmp_path, "b", seg(masks=MASKS[None]))
    found = read(tmp_path)
    assert isinstance(found["a"].truth, LabelMap)
    assert (found["a"].truth.axes, found["a"].image.axes) == ("zyx", "czyx")
    np.testing.assert_array_equal(found["b"].labels, MASKS)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (seg(masks=MASKS[:4]), MismatchedShapes),
        (seg(masks=np.stack([MASKS] * 3)), MismatchedShapes),
        (seg(masks=MASKS.astype(float) + 0.5), WrongFormat),
        (seg(masks=np.full((8, 7), np.nan)), WrongFormat),
        (seg(masks=[[1, 2]]), WrongFormat),
        ({"a": 1}, WrongFormat),
        (np.array([seg(), seg()]), WrongFormat),
        (seg(masks=np.full((8, 7), 1 << 40)), CellCommonsError),
        (seg(cellcommons_annotated=np.ones(3, bool)), CellCommonsError),
        (seg(call=print), WrongFormat),
    ],
)
def test_masks_that_cannot_be_are_refused(content: Any, kind: type[Exception], tmp_path: Path) -> None:
    saved(tmp_path, "a", content)
    with pytest.raises(kind, match="a"):
        read(tmp_path)


def test_negative_masks_are_unknown(tmp_path: Path) -> None:
    masks = MASKS.astype(np.int32)
    masks[0] = -1
    saved(tmp_path, "a", seg(masks=masks))
    truth = read(tmp_path)["a"].truth
    assert isinstance(truth, LabelMap)
    assert truth.annotated is not None
    assert not truth.annotated[0].any()


def test_truncated_files_and_other_folders_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, "a", seg())
    whole = (tmp_path / "a_seg.npy").read_bytes()
    for length in (0, 5, 60, 200, len(whole) - 1):
        (tmp_path / "a_seg.npy").write_bytes(whole[:length])
        with pytest.raises((UnreadableFile, WrongFormat), match="a_seg"):
            read(tmp_path)
    (tmp_path / "a_seg.npy").unlink()
    assert Cellpose().guess(tmp_path)[0] == 0.1
    (tmp_path / "a.tif").unlink()
    with pytest.raises(UnknownLayout):
        Cellpose().scan(tmp_path)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    image = ImageData(np.arange(112, dtype=np.uint16).reshape(2, 8, 7), "cyx", ("DAPI", "GFP"))
    records = [
        Record(Entry(name, (), name), image, LabelMap(MASKS.astype(np.uint32) * 3), tmp_path) for name in ("a", "b")
    ]
    write_layout(Cellpose(), records, tmp_path / "out")
    return tmp_path / "out"


DOCUMENTED = {"outlines", "masks", "chan_choose", "ismanual", "filename", "flows", "est_diam"}


def test_numpy_reads_the_documented_dict(written: Path) -> None:
    """In a process of its own, as pickle is loaded there."""
    program = (
        "import json, sys, numpy as np\n"
        "d = np.load(sys.argv[1], allow_pickle=True).item()\n"
        "print(json.dumps([sorted(d), d['masks'].dtype.name, d['masks'].tolist(), len(d['ismanual']), d['filename']]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, written / "a_seg.npy"], capture_output=True, text=True, check=True
    )
    keys, kind, masks, manual, name = json.loads(done.stdout)
    assert (set(keys), kind, manual, name) == (DOCUMENTED, "uint16", 6, "a.tif")
    assert np.array_equal(masks, MASKS * 3)
    assert set(read_seg(written / "a_seg.npy")) == DOCUMENTED


def test_cellpose_trains_from_it(written: Path) -> None:
    """Heavy (opencv, numba), so it needs an environment of its own: CELLCOMMONS_CELLPOSE_PYTHON."""
    python = os.environ.get("CELLCOMMONS_CELLPOSE_PYTHON")
    if not python:
        pytest.skip("CELLCOMMONS_CELLPOSE_PYTHON names no Python that has the package cellpose (3.1.1.3)")
    program = (
        "import json, sys\n"
        "from cellpose import io\n"
        "images, labels, names = io.load_images_labels(sys.argv[1], mask_filter='_seg.npy')\n"
        "print(json.dumps([[i.shape for i in images], [l.tolist() for l in labels]]))\n"
    )
    done = subprocess.run([python, "-c", program, written], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shapes, labels = json.loads(done.stdout.splitlines()[-1])
    assert shapes == [[2, 8, 7], [2, 8, 7]]
    assert all(np.array_equal(one, MASKS * 3) for one in labels)
