"""Which image belongs to which label image: told by folders, or by names beside each other."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cellcommons.layouts.contract import Skipped
from cellcommons.layouts.tables import is_split, parse_split

EXTENSIONS = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg"})
IMAGES = ("images", "image", "imgs", "img", "raw")
LABELS = ("masks", "mask", "labels", "label", "gt", "groundtruth", "ground_truth", "segmentations", "segmentation")
_LABEL_WORD = re.compile(r"(?i)(?<![a-z])(masks?|labels?|segmentation|seg|gt)(?![a-z])")
_IMAGE_WORDS = ("", "img", "image", "raw", "im")
_BINARY = re.compile(r"(?i)(?<![a-z])(binary|outlines?)(?![a-z])")
# The NEUBIAS teaching data: axes, bits and kind before the name, e.g. xy_8bit_labels__nuclei.
_NEUBIAS = re.compile(r"(?i)[xyzct]+_\d+bit(_labels)?__(.+)")
MAX_FOLDERS = 20_000
_ENDINGS = tuple(EXTENSIONS)


@dataclass(frozen=True)
class Pair:
    """An image and its labels; ``labels`` is None where nobody labelled it. ``split`` as in ``Entry``."""

    name: str
    image: Path
    labels: Path | None
    split: str = ""


def folder_pairs(path: Path) -> tuple[list[Pair], list[Skipped]]:
    """Images and labels in two folders of equal file names, in ``path`` or in its ``train``, ``test`` and so on."""
    pairs, skipped = [], []
    for base, split in _bases(path):
        sides = _sides(base)
        if sides is None:
            continue
        images, labels = (_by_stem(folder) for folder in sides)
        keys = {_without_label_word(stem): stem for stem in labels}
        for stem, image in images.items():
            found = labels.get(stem) or (labels[keys[_plain(stem)]] if _plain(stem) in keys else None)
            pairs.append(Pair(stem, image, found, split))
        taken = {pair.labels for pair in pairs}
        skipped += [Skipped(p, f"no image in {sides[0].name}/") for p in labels.values() if p not in taken]
    return _uniquely_named(pairs, path), skipped


def neighbour_pairs(path: Path, *, folders: int = MAX_FOLDERS) -> tuple[list[Pair], list[Skipped]]:
    """Images and labels side by side, told by names: ``img2d`` / ``mask2d``, ``a`` / ``a_label``, and the like.

    No pair at all gives nothing: then this is a folder of images, and another layout's.

    Args:
        folders: how many to look at, for a guess.
    """
    pairs: list[Pair] = []
    skipped: list[Skipped] = []
    for folder, pictures in _folders(path, folders):
        files = {file.stem: file for file in pictures}
        masks = {stem: file for stem, file in files.items() if _LABEL_WORD.search(stem)}
        images = {stem: file for stem, file in files.items() if stem not in masks and not _BINARY.search(stem)}
        keys: dict[str, list[Path]] = {}
        for stem, file in images.items() if masks else ():
            keys.setdefault(_plain(stem), []).append(file)
        partner: dict[Path, list[Path]] = {}
        for stem, mask in masks.items():
            image, reason = _image_of(stem, images, keys, folder, path)
            if image is None:
                skipped.append(Skipped(mask, reason))
            else:
                partner.setdefault(image, []).append(mask)
        for image, found in partner.items():
            if len(found) > 1:
                skipped += [Skipped(mask, f"one of {len(found)} label images of {image.name}") for mask in found]
                continue
            pairs.append(Pair(image.stem, image, found[0]))
        skipped += [
            Skipped(file, "a binary mask or outline by its name, not an image or labels")
            for stem, file in files.items()
            if stem not in masks and _BINARY.search(stem)
        ]
        taken = {pair.image for pair in pairs}
        pairs += [Pair(stem, file, None) for stem, file in images.items() if file not in taken]
    # An image above may have its labels in a folder of its name, which comes later.
    labelled = {pair.image for pair in pairs if pair.labels is not None}
    if not labelled:
        return [], []
    kept = [pair for pair in pairs if pair.labels is not None or pair.image not in labelled]
    return _uniquely_named(sorted(kept, key=lambda pair: pair.image), path), skipped


def _bases(path: Path) -> list[tuple[Path, str]]:
    if not path.is_dir():
        return []
    below = [(f, parse_split(f.name)) for f in sorted(path.iterdir()) if f.is_dir() and is_split(f.name)]
    return [(path, ""), *below]


def _sides(base: Path) -> tuple[Path, Path] | None:
    """The folder of images and that of labels."""
    folders = {f.name.lower(): f for f in sorted(base.iterdir()) if f.is_dir()}
    images = next((folders[name] for name in IMAGES if name in folders), None)
    labels = next((folders[name] for name in LABELS if name in folders), None)
    return None if images is None or labels is None else (images, labels)


def _folders(path: Path, most: int) -> list[tuple[Path, list[Path]]]:
    """``path`` and the folders below it, with the pictures in each; nothing hidden, no links to folders, no zarr."""
    if not path.is_dir():
        return []
    found: list[tuple[Path, list[Path]]] = []
    todo = [path]
    while todo and len(found) < most:
        folder = todo.pop(0)
        below, pictures = _listed(folder)
        found.append((folder, pictures))
        todo += [f for f in below if f.suffix != ".zarr"]
    return found


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the pictures in a folder, in order. One call of the system: guesses look at large folders."""
    below, pictures = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.lower().endswith(_ENDINGS) and entry.is_file():
                pictures.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    return [folder / name for name in sorted(below)], [folder / name for name in sorted(pictures)]


def _by_stem(folder: Path) -> dict[str, Path]:
    """Pictures by name without ending; ``.ome.tif`` counts as one."""
    found: dict[str, Path] = {}
    for file in _listed(folder)[1]:
        found.setdefault(file.stem.removesuffix(".ome"), file)
    return found


def _plain(stem: str) -> str:
    """``stem`` without the words for images, and with one kind of separator."""
    for word in _IMAGE_WORDS[1:]:
        stem = re.sub(rf"(?i)(?<![a-z]){word}(?![a-z])", "", stem)
    return re.sub(r"[_\-. ]+", "_", stem).strip("_").lower()


def _without_label_word(stem: str) -> str:
    return _plain(_LABEL_WORD.sub("", stem))


def _image_of(
    stem: str, images: dict[str, Path], keys: dict[str, list[Path]], folder: Path, root: Path
) -> tuple[Path | None, str]:
    """The image that the label image called ``stem`` belongs to, or why there is none."""
    found = list(keys.get(_without_label_word(stem), []))
    neubias = _NEUBIAS.fullmatch(stem)
    if not found and neubias and neubias[1]:
        for name, file in images.items():
            said = _NEUBIAS.fullmatch(name)
            if said and not said[1] and (said[2] == neubias[2] or said[2].startswith(f"{neubias[2]}_")):
                found.append(file)
    if not found and folder != root:
        # Labels in a folder that bears their image's name, beside it.
        found = [file for file in _listed(folder.parent)[1] if file.stem == folder.name]
    if len(found) == 1:
        return found[0], ""
    several = ", ".join(file.name for file in found[:3])
    return None, f"labels of several images ({several})" if found else "labels without an image of their name"


def _uniquely_named(pairs: list[Pair], root: Path) -> list[Pair]:
    """Names as they are where each is unique, else paths below ``root``."""
    counts: dict[str, int] = {}
    for pair in pairs:
        counts[pair.name.casefold()] = counts.get(pair.name.casefold(), 0) + 1
    return [
        pair
        if counts[pair.name.casefold()] == 1
        else Pair(pair.image.relative_to(root).with_suffix("").as_posix(), pair.image, pair.labels, pair.split)
        for pair in pairs
    ]
