"""One zarr array, version 2 or 3, of a stranger's folder: checked by its declaration before zarr opens it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import zarr

from cellcommons.errors import CellCommonsError, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import Region
from cellcommons.images.limits import Limits
from cellcommons.images.packing import Packing
from cellcommons.images.zarr_folder import DOCUMENTS, ZarrFolder

MAX_INDEX = 1 << 22
"""Chunks in one shard; each takes 16 bytes in the shard's index, which is read whole."""
_DTYPE = re.compile(r"[<>|][biuf][1248]")
_V3_TYPES = frozenset(
    (
        "bool",
        *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        "float16",
        "float32",
        "float64",
    )
)
# A codec by another name could be anything that is installed, unpickling included.
_V2_CODECS = frozenset(("blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma", "delta", "shuffle"))
_V3_CODECS = frozenset(("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c"))
_AGAIN = "Copy or export the folder again."


@dataclass(frozen=True)
class ZarrArray:
    """What an array declares. ``read`` decodes a region of it.

    Attributes:
        path: below the store's folder. shape, dtype: of the array.
        chunk: sizes of what is decoded at once: a chunk, within shards an inner one.
    """

    store: ZarrFolder
    path: str
    version: Literal[2, 3]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    _opened: list[Any] = field(default_factory=list, compare=False, repr=False)

    def read(self, region: Region) -> Pixels:
        """The pixels of ``region``. Raises UnreadableFile where chunks are damaged, UnsafeArchive for links out."""
        where = f"{self.store.where}/{self.path}".rstrip("/")
        try:
            if not self._opened:
                self._opened.append(zarr.open_array(self.store, path=self.path, mode="r", zarr_format=self.version))
            return np.asarray(self._opened[0][region])
        except CellCommonsError:
            raise
        except MemoryError as error:
            raise TooLarge("the region does not fit into memory", where=where) from error
        except Exception as error:  # codecs raise nearly every type on damaged bytes
            raise UnreadableFile(f"chunks are truncated or damaged ({error})", where=where, remedy=_AGAIN) from error

    @property
    def absent_chunks(self) -> int:
        """Chunks that were read so far and are not there: their pixels are the fill value."""
        prefix = f"{self.path}/" if self.path else ""
        return sum(key.startswith(prefix) and not key.endswith(DOCUMENTS) for key in self.store.absent)


def declared_array(store: ZarrFolder, path: str, limits: Limits) -> ZarrArray:
    """Read an array's metadata; no chunk is touched.

    Raises:
        NotFound: there is no array.
        UnreadableFile: its metadata is damaged. WrongFormat: a kind of pixel or a codec that is not read.
        TooLarge: one chunk is above the limit on decoded bytes.
        UnsafeArchive: links lead out of the folder.
    """
    prefix = f"{path}/" if path else ""
    where = f"{store.where}/{path}".rstrip("/")
    for version, name, parse in _VERSIONS:
        document = store.document(prefix + name)
        if document is None:
            continue
        try:
            shape, dtype, stored, chunk, packing = parse(document, where)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UnreadableFile(f"{name} is damaged ({error!r})", where=where, remedy=_AGAIN) from error
        if not len(shape) == len(chunk) == len(stored) or min((*shape, *chunk, *stored), default=0) < 1:
            raise UnreadableFile(f"{name} declares shape {shape} in chunks of {stored}", where=where, remedy=_AGAIN)
        decoded = math.prod(chunk) * dtype.itemsize
        if decoded > limits.max_decoded_bytes:
            raise TooLarge(
                f"one chunk declares {decoded:,} bytes; the limit is {limits.max_decoded_bytes:,}",
                where=where,
                remedy="Write the array again in smaller chunks.",
            )
        if math.prod(-(-a // b) for a, b in zip(stored, chunk, strict=True)) > MAX_INDEX:
            raise TooLarge(f"one shard declares more than {MAX_INDEX:,} chunks", where=where, remedy=_AGAIN)
        store.checks[path] = packing.check_file(decoded, where)
        return ZarrArray(store, path, version, shape, dtype, chunk)
    raise NotFound("there is no zarr array", where=where, remedy=_AGAIN)


_Declared = tuple[tuple[int, ...], np.dtype[Any], tuple[int, ...], tuple[int, ...], Packing]


def _parse_v2(document: dict[str, Any], where: str) -> _Declared:
    """(shape, dtype, chunk, chunk, packing) of a ``.zarray``."""
    kind = document["dtype"]
    if not isinstance(kind, str) or not _DTYPE.fullmatch(kind):
        raise WrongFormat(f"pixels of type {str(kind)[:80]} are not supported", where=where)
    codecs = [*(document.get("filters") or ()), *([document["compressor"]] if document.get("compressor") else ())]
    names = [str(codec["id"]) for codec in codecs]
    _check_codecs(names, _V2_CODECS, where)
    chunk = _sizes(document["chunks"])
    return _sizes(document["shape"]), np.dtype(kind), chunk, chunk, Packing(tuple(names))


def _parse_v3(document: dict[str, Any], where: str) -> _Declared:
    """(shape, dtype, stored chunk, decoded chunk, packing) of a ``zarr.json``."""
    if document.get("node_type") != "array":
        raise NotFound("there is a zarr group and no array", where=where, remedy=_AGAIN)
    kind = document["data_type"]
    if kind not in _V3_TYPES:
        raise WrongFormat(f"pixels of type {str(kind)[:80]} are not supported", where=where)
    grid = document["chunk_grid"]
    if grid["name"] != "regular":
        raise WrongFormat(f"a chunk grid {str(grid['name'])[:80]!r} is not read", where=where)
    stored = chunk = _sizes(grid["configuration"]["chunk_shape"])
    codecs = list(document["codecs"])
    index_at, summed = "", True
    if len(codecs) == 1 and codecs[0]["name"] == "sharding_indexed":
        inner = codecs[0]["configuration"]
        index_at = str(inner.get("index_location", "end"))
        if [codec["name"] for codec in inner["index_codecs"]] not in (["bytes"], ["bytes", "crc32c"]):
            raise WrongFormat("a compressed index of a shard is not read", where=where)
        summed = len(inner["index_codecs"]) == 2
        chunk, codecs = _sizes(inner["chunk_shape"]), list(inner["codecs"])
    names = [str(codec["name"]) for codec in codecs]
    _check_codecs(names, _V3_CODECS, where)
    if document.get("storage_transformers"):
        raise WrongFormat("storage transformers are not read", where=where)
    inner_chunks = math.prod(-(-a // b) for a, b in zip(stored, chunk, strict=True)) if min(chunk, default=0) > 0 else 1
    return (
        _sizes(document["shape"]),
        np.dtype(kind),
        stored,
        chunk,
        Packing(tuple(names), index_at, inner_chunks, summed),
    )


_VERSIONS: tuple[tuple[Literal[2, 3], str, Callable[[dict[str, Any], str], _Declared]], ...] = (
    (3, "zarr.json", _parse_v3),
    (2, ".zarray", _parse_v2),
)


def _check_codecs(names: list[str], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise WrongFormat(
            f"the codec {unknown[0][:80]!r} is not read",
            where=where,
            remedy=f"Write the array again with one of {', '.join(sorted(known))}.",
        )


def _sizes(found: Any) -> tuple[int, ...]:
    if not isinstance(found, list) or len(found) > 32 or not all(type(n) is int and n >= 0 for n in found):
        raise ValueError(f"{str(found)[:80]} are no sizes")
    return tuple(found)
