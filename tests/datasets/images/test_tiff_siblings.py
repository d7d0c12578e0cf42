"""OME-TIFFs that tell much, or lie in several files: neighbours are read on request only, never beyond the folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cellcommons.errors import TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.data import PlatePosition, Wavelengths
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.tiff import open_tiff


def pixels(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)


def opened(path: Path, **options: Any) -> Any:
    return open_tiff(path, path.name, options.pop("limits", DEFAULT_LIMITS), **options)


OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">
<Plate ID="Plate:0" Name="screen 7"><Well ID="Well:0" Row="1" Column="6">
<WellSample ID="s:0" Index="0"><ImageRef ID="Image:9"/></WellSample>
<WellSample ID="s:1" Index="1"><ImageRef ID="Image:0"/></WellSample></Well></Plate>
<Image ID="Image:0" Name="field"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="30" SizeY="20"
SizeC="2" SizeZ="1" SizeT="3" TimeIncrement="250" TimeIncrementUnit="ms" PhysicalSizeX="0.65" PhysicalSizeY="0.65">
<Channel ID="Channel:0" Name="DAPI" ExcitationWavelength="358" EmissionWavelength="461" SamplesPerPixel="1"/>
<Channel ID="Channel:1" Name="Cy5" EmissionWavelength="0.67" EmissionWavelengthUnit="µm" ExcitationWavelength="0"
SamplesPerPixel="1"/>
{planes}</Pixels></Image></OME>"""
PLANE = (
    '<TiffData FirstC="{c}" FirstT="{t}" IFD="{ifd}" PlaneCount="1"><UUID FileName="{file}">urn:uuid:{uuid}</UUID>'
    "</TiffData>"
)


def in_several_files(folder: Path, names: dict[int, str] | None = None) -> np.ndarray:
    """A movie of 3 frames and 2 channels, each frame in a file of its own; every file holds the same description."""
    data = pixels((3, 2, 20, 30))
    names = {0: "f0.ome.tif", 1: "f1.ome.tif", 2: "f2.ome.tif", **(names or {})}
    planes = "".join(PLANE.format(c=c, t=t, ifd=c, file=names[t], uuid=t) for t in range(3) for c in range(2))
    for t in range(3):
        xml = OME.format(own=t, planes=planes)
        with tifffile.TiffWriter(folder / f"f{t}.ome.tif", ome=False) as writer:
            for c in range(2):
                text = xml.encode() if c == 0 else None
                writer.write(data[t, c], description=text, metadata=None, contiguous=False)
    return data


def test_ome_tells_light_time_and_place(tmp_path: Path) -> None:
    data = in_several_files(tmp_path)
    with opened(tmp_path / "f0.ome.tif", companions=True) as file:
        image = file.image("field").load()
    assert np.array_equal(image.data, data)
    assert image.channels == ("DAPI", "Cy5")
    assert image.wavelengths == (Wavelengths(358, 461), Wavelengths(None, 670))
    assert image.seconds_per_frame == 0.25
    assert image.position == PlatePosition("B", 7, 2, "screen 7")
    tifffile.imwrite(tmp_path / "b.tif", data[:, 0], imagej=True, metadata={"axes": "TYX", "finterval": 2.5})
    with opened(tmp_path / "b.tif") as file:
        assert file.image().facts.seconds_per_frame == 2.5


def test_several_files_are_one_image_only_when_asked_for(tmp_path: Path) -> None:
    in_several_files(tmp_path)
    with opened(tmp_path / "f1.ome.tif", companions=True) as file:
        assert [part.name for part in file.parts] == ["f1.ome.tif", "f0.ome.tif", "f2.ome.tif"]
    with pytest.raises(UnreadableFile, match="planes"):
        opened(tmp_path / "f1.ome.tif")
    (tmp_path / "f2.ome.tif").unlink()
    with pytest.raises(UnreadableFile, match=r"f2\.ome\.tif"):
        opened(tmp_path / "f1.ome.tif", companions=True)


@pytest.mark.parametrize("name", ["../secret.ome.tif", "..\\secret.ome.tif", "sub/secret.ome.tif", "ABSOLUTE", "LINK"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    named = str(tmp_path / "secret.ome.tif") if name == "ABSOLUTE" else "link.ome.tif" if name == "LINK" else name
    in_several_files(folder, {2: named})
    for place in (tmp_path / "secret.ome.tif", folder / "sub" / "secret.ome.tif"):
        shutil.copy(folder / "f2.ome.tif", place)
    if name == "LINK":
        (folder / named).symlink_to(tmp_path / "secret.ome.tif")
    with pytest.raises(WrongFormat, match=r"is a path|is a link"):
        opened(folder / "f0.ome.tif", companions=True)


def test_a_sibling_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    in_several_files(tmp_path)
    with opened(tmp_path / "f0.ome.tif", companions=True) as file:
        shutil.copy(tmp_path / "f2.ome.tif", tmp_path / "else.tif")
        (tmp_path / "f2.ome.tif").unlink()
        (tmp_path / "f2.ome.tif").symlink_to(tmp_path / "else.tif")
        with pytest.raises(UnreadableFile):
            file.image().load()


def test_the_description_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    data = in_several_files(tmp_path)
    with tifffile.TiffFile(tmp_path / "f0.ome.tif") as tiff:
        (tmp_path / "all.companion.ome").write_text(tiff.ome_metadata or "", encoding="utf-8")
    short = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:0">'
        '<BinaryOnly MetadataFile="{}" UUID="urn:uuid:9"/></OME>'
    )
    for named, error in (("all.companion.ome", None), ("../all.companion.ome", WrongFormat), ("no", UnreadableFile)):
        with tifffile.TiffWriter(tmp_path / "f0.ome.tif", ome=False) as writer:
            for c in range(2):
                text = short.format(named).encode() if c == 0 else None
                writer.write(data[0, c], description=text, metadata=None, contiguous=False)
        if error is None:
            with opened(tmp_path / "f0.ome.tif", companions=True) as file:
                assert np.array_equal(file.image().load().data, data)
            with pytest.raises(UnreadableFile, match="another file"):
                opened(tmp_path / "f0.ome.tif")
        else:
            with pytest.raises(error):
                opened(tmp_path / "f0.ome.tif", companions=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('PlaneCount="1"', 'PlaneCount="999999999"'),
        (
            "</OME>",
            '<StructuredAnnotations><XMLAnnotation ID="A:0" Namespace="openmicroscopy.org/omero/dimension/modulo">'
            '<Value><Modulo><ModuloAlongT Type="lifetime" Start="0" End="1e12"/></Modulo></Value></XMLAnnotation>'
            "</StructuredAnnotations></OME>",
        ),
    ],
    ids=["planes", "modulo"],
)
def test_counts_that_tifffile_would_make_lists_of_are_bounded(tmp_path: Path, old: str, new: str) -> None:
    planes = "".join(
        f'<TiffData FirstC="{c}" FirstT="{t}" IFD="{2 * t + c}" PlaneCount="1"/>' for t in range(3) for c in range(2)
    )
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=False) as writer:
        text = OME.format(own=0, planes=planes).replace(old, new, 1).encode()
        for plane, page in enumerate(pixels((6, 20, 30))):
            writer.write(page, description=text if plane == 0 else None, metadata=None, contiguous=False)
    with pytest.raises(TooLarge, match="planes"):
        opened(tmp_path / "a.ome.tif")


def test_neighbours_of_other_formats_are_never_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tifffile globs for the parts of a Micro-Manager stack and follows an NDTiff index beside the file."""
    tifffile.imwrite(tmp_path / "a_MMStack.ome.tif", pixels((20, 30)), ome=True)

    def forbidden(*_: object, **__: object) -> Any:
        raise AssertionError("a neighbour was looked for")

    monkeypatch.setattr("glob.glob", forbidden)
    with opened(tmp_path / "a_MMStack.ome.tif") as file:
        assert file.parts == (tmp_path / "a_MMStack.ome.tif",)
    with tifffile.TiffFile(tmp_path / "a_MMStack.ome.tif") as tiff:
        assert tiff.filehandle.is_file  # what an ordinary opening would look around from
