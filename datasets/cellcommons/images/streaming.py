"""Images of any size as OME-Zarr 0.5, a block at a time: bounded memory, all cores, resumable.

An image is cut into parts (``shard_plan``), a part into blocks. Blocks are read ahead by one thread, compressed and
halved by as many as there are cores, and appended to shards by the caller's (``stream_engine``); a shard gets its name
when it is on the disk (``stream_target``), and its part a line in a journal. The root document comes last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np

from cellcommons.canonical import canonical_json
from cellcommons.durable import is_full
from cellcommons.errors import DiskFull, InvalidDocument, UnreadableFile
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import LazyImage, Region
from cellcommons.images.pyramid import halve_mean, halve_nearest
from cellcommons.images.shard_plan import PART_BYTES, Stage, halved, level_count, plan_stages
from cellcommons.images.shards import CHUNK, Codec, array_metadata
from cellcommons.images.stream_display import Seen
from cellcommons.images.stream_engine import Engine
from cellcommons.images.stream_journal import Finished, Journal
from cellcommons.images.stream_part import Part
from cellcommons.images.stream_target import FolderTarget, StoreTarget, Target, alone, is_there
from cellcommons.images.tree_document import group_document, image_attributes, label_attributes
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree

Kind = Literal["image", "labels"]
Progress = Callable[[int, int], None]
FORMAT = 1


def stream_to_folder(
    image: LazyImage,
    folder: Path,
    *,
    kind: Kind = "image",
    codec: Codec = "gzip",
    progress: Progress | None = None,
    resume: bool = True,
    part_bytes: int = PART_BYTES,
    threads: int | None = None,
) -> None:
    """Write ``image`` as an OME-Zarr folder of shards of about ``part_bytes`` of pixels each.

    Takes about 150 MB and twice ``part_bytes`` of memory, whatever the size of the image. A run that was stopped goes
    on where it was, with the same bytes in the end: finished shards are checked byte by byte and kept.

    Args:
        kind: ``image``: levels are means. ``labels``: one channel of ids; levels take every second pixel, no id is
            blended.
        codec: ``gzip`` is what browsers decode by themselves; ``zstd`` is quicker.
        progress: called with (bytes of pixels done, bytes in all), in the caller's thread.
        resume: go on with an unfinished conversion of this image; without it, one that is there is thrown away.

    Raises:
        AlreadyThere: the folder holds something else, is complete, or is being written.
        UnreadableFile: a region of the image cannot be decoded, or none of its pixels is a number.
        InvalidDocument: labels that are several channels, negative, or no integers.
        DiskFull: no room; what is there stays and can be resumed.
    """
    conversion = _Conversion(image, kind, codec, part_bytes)
    conversion.run(FolderTarget(folder), progress, resume, threads or len(os.sched_getaffinity(0)))


def stream_to_store(
    image: LazyImage,
    store: ObjectStore,
    *,
    work: Path | None = None,
    kind: Kind = "image",
    codec: Codec = "gzip",
    progress: Progress | None = None,
    resume: bool = True,
    part_bytes: int = PART_BYTES,
    threads: int | None = None,
) -> Tree:
    """Seal ``image`` as a tree in ``store``; arguments and errors as ``stream_to_folder``.

    An image that fits one part gives the very tree of ``ome_zarr.write_image``, or of ``write_labels``.

    Args:
        work: a folder for unfinished shards and the journal; name it to be able to resume. Objects of a conversion that
            was stopped stay in the store unnamed, until it is resumed or garbage is collected.
    """
    conversion = _Conversion(image, kind, codec, part_bytes)
    with ExitStack() as stack:
        place = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-"))) / "work"
        target = StoreTarget(store, place)
        conversion.run(target, progress, resume, threads or len(os.sched_getaffinity(0)))
        return target.listing()


class _Conversion:
    """One image, cut into stages, and what is written of it."""

    def __init__(self, image: LazyImage, kind: Kind, codec: Codec, part_bytes: int) -> None:
        self.facts, self.kind, self.codec = image.facts, kind, codec
        self.axes, self.shape, self.chunk, self.dtype = image.axes, image.shape, image.chunk, image.dtype
        self.fetch: Callable[[Region], Pixels] = image.region
        if kind == "labels":
            self._drop_channel(image)
        self.levels = level_count(self.shape)
        self.stages = plan_stages(self.shape, self.chunk, self.dtype.itemsize, part_bytes=part_bytes)
        self.what = self._identity(image, part_bytes)

    def run(self, target: Target, progress: Progress | None, resume: bool, threads: int) -> None:
        """Convert what is not converted yet."""
        with _naming_a_full_disk(target.work), alone(target.work):
            journal = Journal(target.work, self.what)
            if target.is_complete():
                same = journal.finished() is not None
                shutil.rmtree(target.work)
                if not same:
                    raise is_there(target.work.parent)
                return
            kept = self._checked(target, journal.finished()) if resume else None
            if kept is None:
                target.discard()
            for leftover in target.work.glob("*.shard"):
                leftover.unlink()
            parts = {(part.stage, part.part): part for part in kept or []}
            for number, metadata in enumerate(self._arrays()):
                target.write(f"{number}/zarr.json", canonical_json(metadata))
            journal.begin(list(parts.values()))

            def keep(part: Finished) -> None:
                journal.add(part)
                parts[part.stage, part.part] = part

            try:
                with Engine(target, threads, keep) as engine:
                    for stage in self.stages:
                        self._run_stage(stage, engine, target, set(parts), progress)
            finally:
                journal.close()
            told = [seen for key in sorted(parts) for seen in parts[key].seen]
            target.complete(group_document(self._attributes(told)))
            shutil.rmtree(target.work)

    def _run_stage(
        self, stage: Stage, engine: Engine, target: Target, finished: set[tuple[int, int]], progress: Progress | None
    ) -> None:
        halve = halve_nearest if self.kind == "labels" else halve_mean
        every = [
            Part(stage, number, place, region, self.dtype, self.codec, halve)
            for number, (place, region) in enumerate(stage.parts())
        ]
        todo = [part for part in every if (stage.last, part.number) not in finished]
        look = Seen(self.facts).of if stage.first and self.kind == "image" else None
        total = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        done = total - sum(part.pixels for part in todo) * self.dtype.itemsize

        def advance(size: int) -> None:
            nonlocal done
            if stage.first and progress:
                done += size
                progress(done, total)

        if stage.first:
            advance(0)
        if todo:
            engine.run(todo, self.fetch if stage.first else _reading(target, stage), look, advance)

    def _drop_channel(self, image: LazyImage) -> None:
        """Label maps have no channel axis, and ids are unsigned."""
        if image.facts.size("c") != 1 or image.dtype.kind not in "iu":
            raise InvalidDocument(
                f"{image.facts.size('c')} channels of {image.dtype} are no label map",
                where=image.name,
                remedy="Give one channel of whole numbers, 0 where there is no cell.",
            )
        at = image.axes.index("c")

        def fetch(region: Region) -> Pixels:
            ids = image.region((*region[:at], slice(0, 1), *region[at:])).squeeze(at)
            if ids.dtype.kind == "i" and int(ids.min(initial=0)) < 0:
                raise InvalidDocument("a label map holds negative ids", where=image.name, remedy="Use 0 for no cell.")
            return ids.astype(np.uint32, copy=False)

        self.axes, self.dtype, self.fetch = image.axes.replace("c", ""), np.dtype(np.uint32), fetch
        self.shape = (*image.shape[:at], *image.shape[at + 1 :])
        self.chunk = (*image.chunk[:at], *image.chunk[at + 1 :])

    def _identity(self, image: LazyImage, part_bytes: int) -> dict[str, Any]:
        """What an unfinished conversion must agree in to be gone on with. Pixels: both ends of the image."""
        ends = hashlib.sha256()
        for last in (False, True):
            sizes = [min(c, CHUNK, n) for c, n in zip(self.chunk, self.shape, strict=True)]
            starts = [n - size if last else 0 for size, n in zip(sizes, self.shape, strict=True)]
            ends.update(self.fetch(tuple(slice(a, a + s) for a, s in zip(starts, sizes, strict=True))).tobytes())
        facts = {f.name: getattr(self.facts, f.name) for f in fields(self.facts) if f.name != "data"}
        return {
            "format": FORMAT,
            "facts": repr(facts),
            "shape": self.shape,
            "dtype": self.dtype.name,
            "ends": ends.hexdigest(),
            "kind": self.kind,
            "codec": self.codec,
            "part_bytes": part_bytes,
            "chunk": image.chunk,
            # Another compressor would go on with other bytes.
            "imagecodecs": imagecodecs.__version__,
        }

    def _checked(self, target: Target, found: list[Finished] | None) -> list[Finished] | None:
        """Those parts of an earlier run whose shards are all what they were; None where there was none."""
        if found is None:
            return None
        return [part for part in found if all(target.holds(path, *said) for path, said in part.files.items())]

    def _arrays(self) -> list[dict[str, Any]]:
        """``zarr.json`` of each level."""
        found = []
        for stage in self.stages:
            for level in range(stage.source + (0 if stage.first else 1), stage.last + 1):
                shape = halved(self.shape, level)
                found.append(array_metadata(shape, self.dtype, self.axes, shard=stage.shard(level), codec=self.codec))
        return found

    def _attributes(self, told: list[dict[str, Any]]) -> dict[str, Any]:
        facts = self.facts
        if self.kind == "labels":
            seconds = facts.seconds_per_frame
            return label_attributes(self.axes, self.levels, facts.pixel_size, seconds, facts.metadata)
        windows, bad = Seen(facts).windows(told)
        if bad == facts.data.size:
            raise UnreadableFile(
                "every pixel is NaN or infinite", where=str(facts.metadata.get("format", "")), remedy="Export it again."
            )
        if bad:
            facts = replace(facts, metadata={**facts.metadata, "nonfinite_pixels": bad})
        return image_attributes(facts, windows, self.levels)


def _reading(target: Target, stage: Stage) -> Callable[[Region], Pixels]:
    """Reads a level that is written already."""
    array = target.level(stage.source)
    return lambda region: np.asarray(array[region])


@contextmanager
def _naming_a_full_disk(work: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull(
                "there is no room left for the image",
                where=str(work.parent),
                remedy="Make room and start again: it goes on where it stopped.",
            ) from error
        raise
