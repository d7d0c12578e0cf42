"""The images of a rehearsal: a stratified sample of a folder, and the truth that only the simulated eyes see."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels
from cellcommons.layouts.contract import Entry
from cellcommons.layouts.registry import get_layout


@dataclass(frozen=True)
class Pool:
    """Sampled images.

    Attributes:
        layout: name of the layout. entries: the sample.
        truths: image name -> uint32 yx. strata: image name -> stratum.
    """

    layout: str
    root: Path
    entries: tuple[Entry, ...]
    truths: dict[str, Labels]
    strata: dict[str, str]

    def zip_into(self, path: Path) -> Path:
        """Write the sample as a zip in its layout, the way a lab would upload it."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(self.root.glob("*")):
                if file.is_file():
                    archive.write(file, file.name)
            for entry in self.entries:
                for item in entry.paths:
                    members = sorted(item.rglob("*")) if item.is_dir() else [item]
                    for member in members:
                        if member.is_file():
                            archive.write(member, member.relative_to(self.root).as_posix())
        return path


def draw_pool(layout: str, root: Path, *, images: int, seed: int) -> Pool:
    """Sample ``images`` images over the strata in proportion (largest remainder), by seed.

    Raises:
        InvalidDocument: the folder holds fewer images with labels than asked for.
    """
    reader = get_layout(layout)
    entries = sorted(reader.scan(root).entries, key=lambda entry: entry.name)
    if len(entries) < images:
        raise InvalidDocument(
            f"{len(entries)} images found, {images} asked for",
            where=str(root),
            remedy=f"Ask for --images {len(entries)}.",
        )
    rng = np.random.default_rng(seed)
    strata: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        strata[entry.stratum].append(entry)
    shares = {name: images * len(members) / len(entries) for name, members in strata.items()}
    counts = {name: int(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: (counts[name] - shares[name], name))[: images - sum(counts.values())]:
        counts[name] += 1
    chosen = [
        members[index]
        for name, members in sorted(strata.items())
        for index in sorted(rng.permutation(len(members))[: counts[name]])
    ]
    truths = {}
    for entry in chosen:
        record = reader.read(entry)
        if record.labels is None:
            raise InvalidDocument("a rehearsal needs labels for every image", where=entry.name)
        truths[entry.name] = record.labels
    return Pool(layout, root, tuple(chosen), truths, {entry.name: entry.stratum for entry in chosen})
