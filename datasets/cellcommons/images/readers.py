"""Open one image file or folder, whatever supported format it is in."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from cellcommons.errors import NotFound, UnreadableFile, WrongFormat
from cellcommons.images.czi import open_czi
from cellcommons.images.data import ImageData
from cellcommons.images.hdf5 import open_hdf5
from cellcommons.images.lazy import ImageFile
from cellcommons.images.lif import open_lif
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.nd2 import open_nd2
from cellcommons.images.ome_zarr_reader import is_ome_zarr, is_zarr, open_ome_zarr
from cellcommons.images.pictures import PICTURES, open_picture
from cellcommons.images.planes import is_pattern, open_planes
from cellcommons.images.slides import open_scattered, open_slide, slide_kind
from cellcommons.images.sniff import HEAD, READABLE, SCATTERED, checked_kind, is_readable, kind_of, promised_kind

_OPENERS: dict[str, Callable[[Path, str, Limits], ImageFile]] = {"CZI": open_czi, "LIF": open_lif, "ND2": open_nd2}


def open_image(
    path: Path, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS, companions: bool = False, axes: str = ""
) -> ImageFile:
    """Open a file or folder and say what is in it; pixels are read later, region by region.

    Args:
        path: a file, an OME-Zarr folder, or a pattern of planes such as ``folder/img_t{t}_z{z}_c{c}.tif``.
        name: what the person calls it (an upload's own name), for messages and the extension check.
        limits: planes, their number and single chunks are checked against it as declared; the sum of all decoded bytes
            only by ``load``.
        companions: let an OME-TIFF of several files, or a slide with a folder beside it, read its neighbours. Never
            for uploads.
        axes: for HDF5 that does not name its dimensions, e.g. ``zyx``.

    Raises:
        NotFound: there is no such file.
        MissingExtra: its reader is not installed; says which.
        WrongFormat: content of another format, or another than the extension promises.
        UnreadableFile: empty, truncated or damaged.
        TooLarge: above a limit. UnsafeArchive: a link leads out of a folder.
    """
    name = name or path.name
    if is_pattern(path):
        return open_planes(path.parent, path.name, limits)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("no such file", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"it cannot be opened ({error})", where=name) from error
    if stat.S_ISDIR(found.st_mode):
        return _open_folder(path, name, limits)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFile("it is no plain file", where=name)
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
    except OSError as error:
        raise UnreadableFile(f"the file cannot be opened ({error.strerror})", where=name) from error
    if scattered := SCATTERED.get(Path(name).suffix.lower()):
        return open_scattered(path, name, limits, scattered, companions)
    kind = checked_kind(head, name)
    limits.check_file(found.st_size, where=name)
    if kind == "TIFF" and (scanner := slide_kind(path)):
        return open_slide(path, name, limits, scanner)
    if kind in PICTURES:
        return open_picture(path, name, limits, kind, companions)
    if kind == "HDF5":
        return open_hdf5(path, name, limits, axes)
    return _OPENERS[kind](path, name, limits)


def _open_folder(path: Path, name: str, limits: Limits) -> ImageFile:
    if is_zarr(path):
        return open_ome_zarr(path, name, limits)
    raise WrongFormat(
        "the folder is no OME-Zarr",
        where=name,
        remedy=f"Name one file in it ({READABLE}), a pattern of planes such as 'img_z{{z}}.tif', or import the folder "
        "by its layout.",
    )


def is_image(path: Path) -> bool:
    """Whether ``open_image`` is the one to ask: by content or name an image file, an OME-Zarr folder, or a pattern."""
    if path.is_dir():
        return is_ome_zarr(path)
    if not path.is_file():
        return is_pattern(path)
    if is_readable(promised_kind(path.name)):
        return True
    try:
        with path.open("rb") as handle:
            return is_readable(kind_of(handle.read(HEAD)))
    except OSError:
        return False


def read_image(
    path: Path,
    *,
    name: str | None = None,
    series: int | str = 0,
    limits: Limits = DEFAULT_LIMITS,
    companions: bool = False,
    axes: str = "",
) -> ImageData:
    """Read one image whole: ``open_image`` and ``load``, with their errors.

    Args:
        series: which image of the file, by place from 0 or by name; NotFound says what there is.
    """
    with open_image(path, name=name, limits=limits, companions=companions, axes=axes) as file:
        return file.image(series, where=name or path.name).load(limits, where=name or path.name)


def list_images(
    path: Path,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    companions: bool = False,
    axes: str = "",
) -> tuple[tuple[str, ImageData], ...]:
    """(name, facts) of every image in a file or folder. ``facts.data`` has shape and type only; see ``LazyImage``."""
    with open_image(path, name=name, limits=limits, companions=companions, axes=axes) as file:
        return tuple((image.name, image.facts) for image in file.images)
