"""A folder in the layout of YOLO: which images there are, which file labels each, and what the classes are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cellcommons.errors import InvalidDocument, TooLarge, UnreadableFile
from cellcommons.layouts.pictures import Pictures, pictures_below, split_said
from cellcommons.layouts.tables import parse_split

IMAGES, LABELS = "images", "labels"
_LISTS = ("classes.txt", "obj.names", "classes.names", "labels.txt")
_MAX_TEXT = 64 << 20
_PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Description:
    """What ``data.yaml`` or a list of classes says.

    Attributes:
        file: where it says it; None where there is no such file. names: classes by number; empty where not said.
        folders: part of the split -> folders and lists of images, as said. keypoints: the labels hold landmarks too.
    """

    file: Path | None
    names: dict[int, str]
    folders: dict[str, tuple[str, ...]]
    keypoints: bool = False


def describe(root: Path) -> Description:
    """Read ``data.yaml`` (or another YAML with ``names``), else a list of classes. Raises InvalidDocument."""
    for file in sorted(root.glob("*.y*ml"), key=lambda path: (path.name != "data.yaml", path.name)):
        said = read_yaml(file)
        if isinstance(said, dict) and "names" in said:
            folders = {}
            for part in _PARTS:
                value = said.get(part)
                values = value if isinstance(value, list) else [value]
                folders[part] = tuple(one for one in values if isinstance(one, str))
            return Description(file, _names(said["names"], file), folders, "kpt_shape" in said)
    for name in _LISTS:
        if (root / name).is_file():
            lines = [line.strip() for line in read_text(root / name).splitlines()]
            return Description(root / name, dict(enumerate(line for line in lines if line)), {})
    return Description(None, {}, {})


def read_yaml(path: Path) -> Any:
    """A small YAML file, by the loader that makes plain values only. Raises UnreadableFile, TooLarge."""
    try:
        return yaml.safe_load(read_text(path, most=1 << 20))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = " ".join(str(error).split())[:200]
        raise UnreadableFile(f"not YAML that can be read ({line})", where=str(path), remedy="Correct it.") from error


def read_text(path: Path, *, most: int = _MAX_TEXT) -> str:
    """A UTF-8 text. Raises UnreadableFile, TooLarge."""
    try:
        if path.stat().st_size > most:
            raise TooLarge(f"a text of more than {most:,} bytes", where=str(path))
        return path.read_text("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UnreadableFile(f"not a UTF-8 text ({error})", where=str(path), remedy="Export it again.") from error


def _names(said: Any, file: Path) -> dict[int, str]:
    pairs = list(enumerate(said)) if isinstance(said, list) else list(said.items()) if isinstance(said, dict) else []
    try:
        names = {int(key): str(name).strip() for key, name in pairs if not isinstance(name, dict | list)}
    except (TypeError, ValueError):
        names = {}
    if len(names) != len(pairs) or not names or min(names) < 0:
        raise InvalidDocument("names are a list, or go by the number of the class", where=str(file))
    return dict(sorted(names.items()))


@dataclass(frozen=True)
class Found:
    """An image, the file that labels it (None where there is none), and its part of the split."""

    picture: Path
    note: Path | None
    split: str


def find_images(root: Path, description: Description) -> tuple[Pictures, tuple[Found, ...], tuple[Path, ...]]:
    """The images below ``root``, each with its labels; and the label files that have no image.

    A label file has the image's name with ``.txt``, in the folder that is called ``labels`` where the image's is called
    ``images``, or beside the image.
    """
    pictures = pictures_below(root)
    listed = _listed(root, description)
    used: set[Path] = set()
    found = []
    home = root.resolve()
    for picture in pictures.paths:
        parts = picture.relative_to(root).parts
        note = next((path for path in _candidates(root, parts) if path.is_file()), None)
        if note is not None and not note.resolve().is_relative_to(home):
            note = None
        if note is not None:
            used.add(note)
        split = split_said(*parts[:-1]) or listed.get(picture, "")
        if not split:
            split = next((listed[folder] for folder in picture.parents if folder in listed), "")
        found.append(Found(picture, note, split))
    folders = {path.parent for path in used} | {path for path in (root / LABELS,) if path.is_dir()}
    alone = sorted(p for folder in folders for p in folder.glob("*.txt") if p not in used and folder.name != root.name)
    return pictures, tuple(found), tuple(path for path in alone if path.name not in _LISTS)


def _candidates(root: Path, parts: tuple[str, ...]) -> list[Path]:
    name = Path(parts[-1]).with_suffix(".txt").name
    places = [place for place, part in enumerate(parts[:-1]) if part == IMAGES]
    swapped = [root.joinpath(*parts[:place], LABELS, *parts[place + 1 : -1], name) for place in reversed(places)]
    return [*swapped, root.joinpath(*parts[:-1], name)]


def _listed(root: Path, description: Description) -> dict[Path, str]:
    """Folders and images below ``root`` that the description puts into a part of the split."""
    said: dict[Path, str] = {}
    claims: dict[Path, set[str]] = {}
    for part, values in description.folders.items():
        for value in values:
            # Of "../train/images" only what lies below the folder counts.
            steps = [step for step in value.replace("\\", "/").split("/") if step not in ("", ".", "..")]
            path = root.joinpath(*steps)
            if path.is_dir():
                claims.setdefault(path, set()).add(part)
            elif path.suffix == ".txt" and path.is_file() and path.resolve().is_relative_to(root.resolve()):
                for line in read_text(path).splitlines():
                    inner = [s for s in line.strip().replace("\\", "/").split("/") if s not in ("", ".", "..")]
                    if inner:
                        claims.setdefault(root.joinpath(*inner), set()).add(part)
    for path, parts in claims.items():
        # One folder for training and validation alike says that there is no split.
        if len(parts) == 1:
            said[path] = parse_split(parts.pop())
    return said
