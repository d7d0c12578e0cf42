from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fields import cells, compared, image_of
from PIL import Image

from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import write_image
from cellcommons.near_duplicates.descriptors import describe, descriptor, parse_descriptor
from cellcommons.near_duplicates.dihedral import turned, turned_points
from cellcommons.near_duplicates.interest_points import interest_points, turned_terms
from cellcommons.near_duplicates.planes import compared_plane, stored_plane
from cellcommons.near_duplicates.search import Pair, find_pairs, recheck
from cellcommons.store import FolderStore


def jpeg(plane: np.ndarray) -> np.ndarray:
    stream = BytesIO()
    Image.fromarray(plane).save(stream, "JPEG", quality=70)
    return np.asarray(Image.open(stream))


DAMAGE = {
    "as it is": lambda plane: plane,
    "noise": lambda plane: plane + np.random.default_rng(0).normal(0, 4, plane.shape),
    "brightness": lambda plane: 30 + 0.5 * plane.astype(np.float32),
    "sixteen bit": lambda plane: plane.astype(np.uint16) * 200,
    "jpeg": jpeg,
    "turned": lambda plane: turned(plane, 1),
    "mirrored and turned": lambda plane: turned(plane, 6),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_crops_that_overlap_are_found_with_how_they_lie(damage: str) -> None:
    field = cells(1)
    crop = DAMAGE[damage](field[90:310, 110:320])
    planes, known = compared({"a": field[:220, :210], "b": crop, "other": cells(2, 220, 210)})
    pair = one(find_pairs(known, known, planes.__getitem__))
    assert pair.key == ("a", "b")
    assert pair.kind == "overlap"
    told = pair.evidence
    # Where b's first pixel lies on a: of a turned crop, of the crop turned back.
    undone = {"turned": 3, "mirrored and turned": 6}.get(damage, 0)
    assert told["transform"] == undone
    step = 2 ** told["level"]
    assert abs(told["y"] * step - 90) <= step
    assert abs(told["x"] * step - 110) <= step
    assert told["correlation"] >= 0.6
    again = recheck(pair, planes.__getitem__)
    assert again is not None
    assert again.evidence == told


def one(pairs: list[Pair]) -> Pair:
    assert len(pairs) == 1, pairs
    return pairs[0]


@pytest.mark.parametrize(
    ("side", "first", "second"), [("right", np.s_[:, :160], np.s_[:, 160:]), ("bottom", np.s_[:160], np.s_[160:])]
)
def test_crops_that_lie_side_by_side_are_found_though_they_share_no_pixel(
    side: str, first: object, second: object
) -> None:
    field = cells(3)
    planes, known = compared({"z": field[first], "a": field[second], "other": cells(4)[second]})
    pair = one(find_pairs(known, known, planes.__getitem__))
    assert (pair.a, pair.b, pair.kind, pair.evidence["side"]) == ("z", "a", "adjoining", side)
    assert 0.5 < pair.evidence["step"] < 1.3
    assert recheck(pair, planes.__getitem__).evidence == pair.evidence


def test_other_fields_of_one_experiment_are_not_paired() -> None:
    planes, known = compared({f"field {n}": cells(n, 200, 200) for n in range(40)})
    assert find_pairs(known, known, planes.__getitem__) == []


def test_empty_ground_is_never_paired() -> None:
    rng = np.random.default_rng(0)
    ground = rng.normal(20, 2, (128, 256))
    flat = {"flat": np.full((128, 128), 7.0), "as flat": np.full((128, 128), 7.0)}
    planes, known = compared(
        {**flat, "dim": ground[:, :128], "dimmer": rng.normal(20, 2, (128, 128)), "tiny": ground[:5, :5]}
    )
    assert find_pairs(known, known, planes.__getitem__) == []


def test_new_images_are_looked_for_among_all_and_old_ones_not_again() -> None:
    field = cells(5, 320, 640)
    crops = {"a": field[:, :240], "b": field[:, 120:360], "c": field[:, 300:540], "z": cells(6)}
    planes, known = compared(crops)
    whole = {pair.key for pair in find_pairs(known, known, planes.__getitem__)}
    assert {("a", "b"), ("b", "c")} <= whole
    for new in crops:
        rest = {name: known[name] for name in crops if name != new}
        before = {pair.key for pair in find_pairs(rest, rest, planes.__getitem__)}
        after = {pair.key for pair in find_pairs([new], known, planes.__getitem__)}
        assert all(new in key for key in after)
        assert before | after == whole


def test_points_and_terms_turn_with_the_image() -> None:
    plane = compared_plane(image_of(cells(7, 120, 150))).pixels
    places, terms = interest_points(plane)
    assert len(places) >= 5
    for transform in range(8):
        expected, theirs = interest_points(np.ascontiguousarray(turned(plane, transform)))
        moved = turned_points(places, plane.shape, transform)
        order, other = np.lexsort(moved.T), np.lexsort(expected.T)
        assert np.array_equal(moved[order], expected[other])
        assert np.abs(turned_terms(terms, transform)[order] - theirs[other]).max() <= 1


def test_descriptors_survive_as_bytes_and_from_the_store(tmp_path: Path) -> None:
    image = image_of(cells(8, 130, 170))
    data = descriptor(image)
    kept = parse_descriptor(data)
    assert kept.to_bytes() == data
    store = FolderStore(tmp_path)
    assert describe(stored_plane(store, write_image(store, image).digest)).to_bytes() == data
    for bad in (b"", data[:-1], data + b"\0", b"XXXX" + data[4:]):
        with pytest.raises(InvalidDocument):
            parse_descriptor(bad, where="bad")


def test_large_images_are_compared_at_the_level_that_fits(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    field = np.tile(cells(9, 300, 300), (4, 5))
    plane = stored_plane(store, write_image(store, image_of(field)).digest)
    assert (plane.level, plane.shape, plane.pixels.shape) == (1, (1200, 1500), (600, 750))
    assert [level for level, _ in plane.levels()] == [1, 2, 3]


def test_evidence_that_is_not_so_shows_nothing() -> None:
    field = cells(10)
    planes, known = compared({"a": field[:220, :210], "b": field[90:310, 110:320], "c": cells(11, 220, 210)})
    pair = one(find_pairs(known, known, planes.__getitem__))
    assert recheck(replace(pair, b="c"), planes.__getitem__) is None
    assert recheck(replace(pair, evidence={**pair.evidence, "y": 5000}), planes.__getitem__) is None
    for broken in ({}, {**pair.evidence, "y": "there"}):
        with pytest.raises(InvalidDocument, match="evidence is damaged"):
            recheck(replace(pair, evidence=broken), planes.__getitem__)
    with pytest.raises(InvalidDocument, match="not known"):
        recheck(replace(pair, kind="hearsay"), planes.__getitem__)


@pytest.mark.real_data
def test_dsb2018_holds_crops_that_lie_side_by_side(real_data: Path) -> None:
    """Seen by eye: these go on in one another; four of them form one field of 720 x 720 pixels."""
    folder = real_data / "seg_dsb2018_fixes" / "stage1_train"
    names = sorted(path.name for path in folder.iterdir())
    row = ["0d2bf916", "f6cb37eb", "03f583ec", "295ac4ec", "a6e81120", "670ebd9d"]
    some = [name for name in names if name[:8] in row] + names[::24]

    def grey(name: str) -> np.ndarray:
        return np.asarray(Image.open(folder / name / "images" / f"{name}.png").convert("RGB")).mean(axis=2)

    planes, known = compared({name[:8]: grey(name) for name in some})
    found = {frozenset(pair.key) for pair in find_pairs(known, known, planes.__getitem__)}
    wanted = [row[0:3:2], row[0:2], row[3:5], row[4:6]]
    assert {frozenset(pair) for pair in wanted} <= found
