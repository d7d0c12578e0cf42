"""TrackMate sessions: the real ones, both ways, and files that are unsafe or no lineage."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnreadableFile, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.geff import Geff
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.roi_outlines import pieces_of
from cellcommons.layouts.trackmate import TrackMate
from cellcommons.layouts.trackmate_writing import write_trackmate
from cellcommons.layouts.trackmate_xml import read_trackmate
from cellcommons.layouts.writing import write_layout
from cellcommons.points import PointTracks
from cellcommons.synthetic.movies import generate_movie
from cellcommons.testing.lineages import lineages
from cellcommons.tracks import LabelMovie, Lineage, Track

SESSION = """<?xml version="1.0" encoding="UTF-8"?>
<TrackMate version="7.0">
  <Model spatialunits="micron" timeunits="min">
    <AllSpots>
      <SpotsInFrame frame="0"><Spot ID="10" FRAME="0" POSITION_X="4" POSITION_Y="2" POSITION_Z="0" RADIUS="1"/>
        <Spot ID="11" FRAME="0" POSITION_X="1" POSITION_Y="1" POSITION_Z="0" VISIBILITY="0"/>
        <Spot ID="12" FRAME="0" POSITION_X="1" POSITION_Y="1" POSITION_Z="0"/></SpotsInFrame>
      <SpotsInFrame frame="2"><Spot ID="20" FRAME="2" POSITION_X="5" POSITION_Y="2" RADIUS="1"/></SpotsInFrame>
      <SpotsInFrame frame="3"><Spot ID="30" FRAME="3" POSITION_X="6" POSITION_Y="2" POSITION_Z="0" RADIUS="1"/>
        <Spot ID="31" FRAME="3" POSITION_X="4" POSITION_Y="4" POSITION_Z="0" RADIUS="1"/></SpotsInFrame>
    </AllSpots>
    <AllTracks><Track TRACK_ID="0">
      <Edge SPOT_SOURCE_ID="20" SPOT_TARGET_ID="10"/>
      <Edge SPOT_SOURCE_ID="20" SPOT_TARGET_ID="30"/><Edge SPOT_SOURCE_ID="20" SPOT_TARGET_ID="31"/></Track>
      <Track TRACK_ID="1"><Edge SPOT_SOURCE_ID="12" SPOT_TARGET_ID="31"/></Track></AllTracks>
    <FilteredTracks><TrackID TRACK_ID="0"/></FilteredTracks>
  </Model>
  <Settings><ImageData filename="m.tif" folder="" width="40" height="30" nslices="1" nframes="4" pixelwidth="0.5"
    pixelheight="0.5" voxeldepth="1.0" timeinterval="2.0"/></Settings>
</TrackMate>
"""


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "m.xml"
    path.write_text(SESSION, encoding="utf-8")
    return path


def points(lineage: Lineage, seed: int = 0, **known: object) -> PointTracks:
    n = len(lineage.nodes())
    rng = np.random.default_rng(seed)
    return PointTracks(rng.uniform(0, 30, (n, 2)), rng.uniform(1, 3, n), lineage, **known)  # type: ignore[arg-type]


def test_a_session_by_hand(session: Path) -> None:
    found = read_trackmate(session)
    tracks = found.tracks
    # A gap, then a division; the link drawn backwards in time is turned; the track filtered out is left out.
    assert tracks.lineage.rows() == [[1, 0, 0, None], [2, 2, 2, 1], [3, 3, 3, 2], [4, 3, 3, 2]]
    assert tracks.positions.tolist() == [[4.0, 8.0], [4.0, 10.0], [4.0, 12.0], [8.0, 8.0]]
    assert tracks.radii.tolist() == [2.0] * 4
    assert tracks.pixel_size == PixelSize(0.5, 0.5)
    assert tracks.seconds_per_frame == 120.0
    assert (found.image_name, found.shape_yx, found.frames, found.loose_spots) == ("m.tif", (30, 40), 4, 1)


def test_an_entity_or_document_type_is_refused_unresolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("1")
    for number, head in enumerate(
        (
            f'<!DOCTYPE TrackMate [<!ENTITY x SYSTEM "{secret.as_uri()}">]>',
            '<!DOCTYPE TrackMate [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE TrackMate SYSTEM "http://127.0.0.1:9/x.dtd">',
        )
    ):
        path = tmp_path / f"{number}.xml"
        path.write_text(SESSION.replace("<TrackMate version", head + "<TrackMate version", 1), encoding="utf-8")
        with pytest.raises(UnreadableFile, match="document type"):
            read_trackmate(path)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("</TrackMate>", "", UnreadableFile, "no whole XML"),
        ('encoding="UTF-8"', 'encoding="UTF-nan8"', UnreadableFile, "no whole XML"),
        ('encoding="UTF-8"', 'encoding="shift_jis"', UnreadableFile, "no whole XML"),
        (
            '<TrackID TRACK_ID="0"/>',
            '<TrackID TRACK_ID="0"/><TrackID TRACK_ID="1"/>',
            InvalidDocument,
            "two parents.*spot 31",
        ),
        ('SPOT_TARGET_ID="30"', 'SPOT_TARGET_ID="77"', InvalidDocument, "spot 77, which is not listed"),
        ('SPOT_TARGET_ID="30"', 'SPOT_TARGET_ID="x"', InvalidDocument, "no number of a spot"),
        ('POSITION_X="4" POSITION_Y="2"', 'POSITION_X="nan" POSITION_Y="2"', InvalidDocument, "POSITION_X is 'nan'"),
        ('<Spot ID="30" FRAME="3"', '<Spot ID="30" FRAME="2"', InvalidDocument, "does not lead forward"),
        ("<Settings>", "<Other>", UnreadableFile, "no whole XML"),
        ("ImageData", "Nothing", InvalidDocument, "no <ImageData>"),
        ('nslices="1"', 'nslices="x"', InvalidDocument, "nslices is 'x'"),
        ('<Spot ID="31"', '<Spot ID="30"', InvalidDocument, "spot 30 is listed twice"),
        ('<Spot ID="30" FRAME="3"', '<Spot ID="30" FRAME="1e300"', InvalidDocument, "or in frame 1e"),
        ('<Spot ID="30" FRAME="3"', '<Spot ID="30" FRAME="-3"', InvalidDocument, "or in frame -3"),
    ],
)
def test_a_session_with_a_fault_is_refused(
    session: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    assert old in SESSION
    session.write_text(SESSION.replace(old, new), encoding="utf-8")
    with pytest.raises(error, match=message):
        read_trackmate(session)


def test_another_xml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation/>")
    with pytest.raises(WrongFormat, match="<annotation>"):
        read_trackmate(tmp_path / "a.xml")
    with pytest.raises(NotFound):
        read_trackmate(tmp_path / "b.xml")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lineages())
def test_what_is_written_is_read_again(tmp_path: Path, lineage: Lineage) -> None:
    given_points = points(lineage, pixel_size=PixelSize(0.25, 0.25), seconds_per_frame=3.0)
    path = tmp_path / "a.xml"
    write_trackmate(given_points, path, image_name="a.tif", shape_yx=(30, 30), frames=8)
    found = read_trackmate(path)
    # Also a spot without links is a track of one frame, and every track keeps its number.
    assert found.loose_spots == 0
    assert found.tracks.lineage == lineage
    np.testing.assert_allclose(found.tracks.positions, given_points.positions, atol=1e-9)
    np.testing.assert_allclose(found.tracks.radii, given_points.radii, atol=1e-9)
    assert found.tracks.pixel_size == PixelSize(0.25, 0.25)
    assert found.tracks.seconds_per_frame == 3.0


def test_links_that_were_corrected_in_trackmate_count_more_than_the_numbers_written(tmp_path: Path) -> None:
    lineage = Lineage((Track(7, 0, 3), Track(9, 0, 0)))
    path = tmp_path / "a.xml"
    write_trackmate(points(lineage), path, image_name="a.tif", shape_yx=(30, 30), frames=8)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    links = [n for n, line in enumerate(lines) if "<Edge " in line]
    path.write_text("".join(line for n, line in enumerate(lines) if n != links[1]), encoding="utf-8")
    found = read_trackmate(path).tracks.lineage
    assert sorted((t.begin, t.end, t.parent) for t in found.tracks) == [(0, 0, None), (0, 1, None), (2, 3, None)]


def test_sessions_and_their_movies_come_back(tmp_path: Path) -> None:
    lineage = Lineage((Track(1, 0, 2), Track(2, 3, 4, 1), Track(3, 3, 4, 1)))
    size = PixelSize(0.5, 0.5)
    data = np.random.default_rng(0).integers(0, 999, (5, 2, 30, 40), np.uint16)
    record = Record(
        Entry("m", (), "m"), ImageData(data, "tcyx", ("a", "b"), size), points(lineage, pixel_size=size), Path()
    )
    TrackMate().write([record], tmp_path / "out")
    assert guess_layout(tmp_path / "out").name == "trackmate"
    (entry,) = TrackMate().scan(tmp_path / "out").entries
    again = TrackMate().read(entry)
    np.testing.assert_array_equal(again.image.data, data)
    assert isinstance(again.truth, PointTracks)
    assert again.truth.lineage == lineage
    assert again.truth.pixel_size.y == pytest.approx(0.5)
    assert again.labels is None
    (tmp_path / "out" / "m.xml").write_text(SESSION)
    with pytest.raises(MismatchedShapes, match="4 frames"):
        TrackMate().read(entry)
    (tmp_path / "out" / "cut.xml").write_text(SESSION[:900])
    scan = TrackMate().scan(tmp_path / "out")
    assert [e.name for e in scan.entries] == ["m"]
    assert "cut.xml: it is no whole XML" in scan.skipped[0].reason
    (tmp_path / "out" / "m.tif").unlink()
    assert "'m.tif' is not beside it" in TrackMate().scan(tmp_path / "out").skipped[1].reason


def outlined(folder: Path, *, leave: int = 0) -> LabelMovie:
    """As TrackMate 7 writes what a detector of objects found: corners from the spot in micrometres, edge to edge."""
    made = generate_movie(2, density="medium", frames=5, height=64, width=72).truth
    truth = replace(made, pixel_size=PixelSize(0.5, 0.25), seconds_per_frame=None)
    image = ImageData(np.zeros((5, 1, 64, 72), np.uint8), "tcyx", ("intensity",), truth.pixel_size)
    write_layout(TrackMate(), [Record(Entry("m", (), "m"), image, truth, Path())], folder, drop=["outlines"])
    tree = ElementTree.parse(folder / "m.xml")
    masks = [(truth.data[frame] == cell) for frame, cell in truth.nodes().tolist()]
    for spot, mask in list(zip(tree.iter("Spot"), masks, strict=True))[leave:]:
        ((ring, *holes), *rest) = pieces_of(mask)
        assert not holes
        assert not rest
        corners = [((x - 0.5) * 0.25, (y - 0.5) * 0.5) for y, x in ring.tolist()]
        x, y = float(spot.get("POSITION_X")), float(spot.get("POSITION_Y"))
        spot.set("ROI_N_POINTS", str(len(corners)))
        spot.text = " ".join(f"{cx - x!r} {cy - y!r}" for cx, cy in corners)
    tree.write(folder / "m.xml", encoding="UTF-8", xml_declaration=True)
    return truth


def test_spots_with_outlines_are_cells(tmp_path: Path) -> None:
    wanted = outlined(tmp_path / "a")
    record = TrackMate().read(TrackMate().scan(tmp_path / "a").entries[0])
    assert isinstance(record.truth, LabelMovie)
    assert record.truth.lineage == wanted.lineage
    np.testing.assert_array_equal(record.truth.data, wanted.data)
    assert record.entry.metadata["overlap_pixels"] == 0
    assert record.truth.pixel_size.y == pytest.approx(0.5)
    outlined(tmp_path / "b", leave=1)  # one spot without: spots they stay
    assert isinstance(TrackMate().read(TrackMate().scan(tmp_path / "b").entries[0]).truth, PointTracks)
    path = tmp_path / "a" / "m.xml"
    text = path.read_text(encoding="utf-8")
    for number in ("ROI_N_POINTS='x'", 'ROI_N_POINTS="9999"'):
        path.write_text(re.sub(r'ROI_N_POINTS="\d+"', number.replace("'", '"'), text, count=1), encoding="utf-8")
        assert "its outline is no list of" in TrackMate().scan(tmp_path / "a").skipped[0].reason


def test_points_must_fit_their_lineage(tmp_path: Path) -> None:
    lineage = Lineage((Track(1, 0, 1),))
    with pytest.raises(InvalidDocument, match="2 spots need"):
        PointTracks(np.zeros((3, 2)), np.zeros(3), lineage)
    with pytest.raises(InvalidDocument, match="finite"):
        PointTracks(np.full((2, 2), np.nan), np.zeros(2), lineage)
    solid = PointTracks(np.zeros((2, 3)), np.zeros(2), lineage)
    with pytest.raises(InvalidDocument, match="flat movies only"):
        write_trackmate(solid, tmp_path / "x.xml", image_name="x.tif", shape_yx=(3, 3), frames=2)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "spots", "links", "divisions"),
    [("with_gap_closing", 133, 128, 0), ("without_gap_closing", 133, 127, 0), ("with_splitting", 133, 130, 2)],
)
def test_real_sessions(real_data: Path, name: str, spots: int, links: int, divisions: int) -> None:
    found = read_trackmate(real_data / "track_laptrack_samples" / "tests" / "data" / f"trackmate_tracks_{name}.xml")
    lineage = found.tracks.lineage
    assert (len(lineage.nodes()), len(lineage.edges()), len(lineage.divisions)) == (spots, links, divisions)
    assert (found.frames, found.shape_yx, found.image_name) == (50, (128, 128), "FakeTracks.tif")
    assert set(found.tracks.radii.tolist()) == {5.0}


@pytest.mark.real_data
@pytest.mark.parametrize(
    "path",
    [
        "track_laptrack_samples/tests/data/trackmate_tracks_with_merging.xml",
        "track_laptrack_samples/tests/data/trackmate_tracks_with_splitting_merging.xml",
        "track_biotracks_faketracks/TrackMate/example_1/FakeTracks.xml",
    ],
)
def test_real_sessions_with_merges_are_refused_by_spot(real_data: Path, path: str) -> None:
    with pytest.raises(InvalidDocument, match=r"a cell has two parents: frame 2\d, spot \d+"):
        read_trackmate(real_data / path)


@pytest.mark.real_data
def test_real_sessions_beside_the_real_frames(real_data: Path, tmp_path: Path) -> None:
    """LapTrack's sessions are of the movie whose 50 frames biotracks has."""
    sessions = real_data / "track_laptrack_samples" / "tests" / "data"
    frames = real_data / "track_biotracks_faketracks" / "CellProfiler" / "example_1" / "input_raw_sequence"
    for path in [*sessions.glob("*.xml"), *frames.glob("*.tif")]:
        shutil.copy(path, tmp_path)
    scan = TrackMate().scan(tmp_path)
    assert [entry.name.removeprefix("trackmate_tracks_") for entry in scan.entries] == [
        "with_gap_closing", "with_splitting", "without_gap_closing"
    ]  # fmt: skip
    assert {item.path.stem.removeprefix("trackmate_tracks_") for item in scan.skipped} == {
        "with_merging", "with_splitting_merging"
    }  # fmt: skip
    for entry, (links, divisions) in zip(scan.entries, ((128, 0), (130, 2), (127, 0)), strict=True):
        record = TrackMate().read(entry)
        assert record.image.data.shape == (50, 1, 128, 128)
        assert len(record.originals) == 50
        assert isinstance(record.truth, PointTracks)
        lineage = record.truth.lineage
        assert (len(lineage.nodes()), len(lineage.edges()), len(lineage.divisions)) == (133, links, divisions)
        again = written_again(record, tmp_path / "again" / entry.name)
        assert again.lineage == lineage
        np.testing.assert_allclose(again.positions, record.truth.positions, atol=1e-6)
    (tmp_path / "FakeTracks0007.tif").unlink()
    assert "frame 7 is missing" in TrackMate().scan(tmp_path).skipped[0].reason


def written_again(record: Record, folder: Path) -> PointTracks:
    """Through GEFF, and from there through TrackMate."""
    write_layout(Geff(), [record], folder / "geff")
    spots = Geff().read(Geff().scan(folder / "geff").entries[0])
    write_layout(TrackMate(), [spots], folder / "trackmate")
    truth = TrackMate().read(TrackMate().scan(folder / "trackmate").entries[0]).truth
    assert isinstance(truth, PointTracks)
    return truth
