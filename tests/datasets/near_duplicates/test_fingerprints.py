from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cellcommons.errors import InvalidDocument
from cellcommons.near_duplicates.dihedral import turned
from cellcommons.near_duplicates.fingerprints import Fingerprint, fingerprint, near_identical


def field(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Bright discs on a dim, uneven ground: statistics alike in every field, places different."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = 10.0 + 10 * y / height + rng.normal(0, 1, (height, width))
    for cy, cx in zip(rng.uniform(0, height, 20), rng.uniform(0, width, 20), strict=True):
        image += 120 * ((y - cy) ** 2 + (x - cx) ** 2 < 36)
    return np.clip(image, 0, 255)


def copies(image: np.ndarray) -> dict[str, np.ndarray]:
    picture = Image.fromarray(image.astype(np.uint8))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=50)
    half = picture.resize((picture.width // 2, picture.height // 2))
    return {
        "half": np.asarray(half),
        "gamma": 255 * (image / 255) ** 0.7,
        "sixteen-bit": (image * 200).astype(np.uint16),
        "noise": image + np.random.default_rng(0).normal(0, 3, image.shape),
        "jpeg": np.asarray(Image.open(stream)),
    }


def found(prints: dict[str, Fingerprint], new: list[str] | None = None) -> set[frozenset[str]]:
    return {frozenset((pair.a, pair.b)) for pair in near_identical(new or sorted(prints), prints)}


def test_copies_are_found_and_other_fields_are_not() -> None:
    previews = {"original": field(0), **copies(field(0)), **{f"other-{n}": field(n) for n in range(1, 40)}}
    prints = {name: fingerprint(preview) for name, preview in previews.items()}
    names = {"original", *copies(field(0))}
    assert found(prints) == {frozenset((a, b)) for a in names for b in names if a < b}
    assert found(prints, ["half"]) == {frozenset(("half", b)) for b in names if b != "half"}
    assert all(0.95 <= pair.correlation <= 1.0001 for pair in near_identical(sorted(prints), prints))


def test_a_copy_that_was_turned_or_mirrored_is_found_with_how() -> None:
    one = field(3)
    prints = {f"{g}": fingerprint(turned(one, g)) for g in range(8)}
    pairs = {(pair.a, pair.b): pair for pair in near_identical(sorted(prints), prints)}
    assert len(pairs) == 28
    for (a, b), pair in pairs.items():
        back = turned(turned(one, int(b)), pair.transform)
        assert back.shape == turned(one, int(a)).shape
        assert np.array_equal(back, turned(one, int(a)))


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = {f"{n}-{copy}": fingerprint(field(n % 7) + copy) for n in range(14) for copy in range(2)}
    whole = found(prints)
    assert len(whole) == 7 * 6
    monkeypatch.setattr("cellcommons.near_duplicates.fingerprints._BLOCK", 3)
    assert found(prints) == whole


def test_flat_images_and_other_shapes_are_never_paired() -> None:
    flat = {"a": fingerprint(np.full((64, 64), 7)), "b": fingerprint(np.full((64, 64), 7))}
    assert found(flat) == set()
    squeezed = fingerprint(np.asarray(Image.fromarray(field(1, 64, 128)).resize((64, 64))))
    assert found({"wide": fingerprint(field(1, 64, 128)), "squeezed": squeezed}) == set()
    assert near_identical([], {}) == []


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8)), np.zeros((0, 8)), np.full((8, 8), np.nan)])
def test_bad_previews_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidDocument, match="axes yx"):
        fingerprint(bad, where="x.png")


@pytest.mark.real_data
def test_fields_of_one_experiment_are_no_copies(real_data: Path) -> None:
    prints: dict[str, Fingerprint] = {}
    folders = sorted((real_data / "seg_dsb2018_fixes" / "stage1_train").iterdir())[::3]
    for folder in folders:
        grey = Image.open(folder / "images" / f"{folder.name}.png").convert("L")
        prints[folder.name] = fingerprint(np.asarray(grey))
        half = grey.resize((grey.width // 2, grey.height // 2))
        prints[f"{folder.name}-half"] = fingerprint(np.asarray(half))
    assert found(prints) == {frozenset((folder.name, f"{folder.name}-half")) for folder in folders}
