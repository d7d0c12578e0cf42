"""A movie followed in a real browser against a real hub: link, divide, undo, swap, come back, submit."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from visitor import Bench, Point, Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.links import movie_of
from cellcommons.reading import fold_changes
from cellcommons.tracks import LabelMovie, Lineage, Track

pytestmark = pytest.mark.journey

PASSWORD = "seven-hungry-owls"
SHAPE = (120, 160)
# Track -> its centre in each frame. One cell stays alone; the other divides after the second frame.
ALONE = {0: (90, 30), 1: (90, 34), 2: (90, 38), 3: (90, 42)}
MOTHER = {0: (40, 80), 1: (40, 84)}
UPPER = {2: (24, 90), 3: (22, 94)}
LOWER = {2: (58, 90), 3: (60, 94)}
_numbers = itertools.count(1)


def movie() -> LabelMovie:
    data = np.zeros((4, *SHAPE), np.uint32)
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for track, places in enumerate((ALONE, MOTHER, UPPER, LOWER), start=1):
        for frame, (y, x) in places.items():
            data[frame][(rows - y) ** 2 + (columns - x) ** 2 <= 81] = track
    return LabelMovie(data, Lineage((Track(1, 0, 3, None), Track(2, 0, 1, None), Track(3, 2, 3, 2), Track(4, 2, 3, 2))))


@pytest.fixture(scope="module")
def curator(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Api:
    account = hub.accounts["curator"]
    api = Api(hub.url, account["username"], account["password"])
    folder = tmp_path_factory.mktemp("movies")
    truth = movie()
    noise = np.random.default_rng(0).integers(80, 120, truth.data.shape)
    image = ImageData((noise + 900 * (truth.data > 0)).astype(np.uint16)[:, None], "tcyx", ("nuclei",))
    Ctc().write([Record(Entry("01", (), ""), image, truth, Path())], folder / "set")
    with zipfile.ZipFile(folder / "movies.zip", "w") as archive:
        for path in sorted((folder / "set").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder / "set").as_posix())
    api.post("datasets/", {"slug": "movies", "title": "Movies", "licence": "CC0-1.0"})
    assert api.bring_in(folder / "movies.zip", dataset="commons/movies", layout="ctc")["imported"] == 1
    order = {
        "slug": "followed",
        "title": "Followed",
        "dataset": "commons/movies",
        "task": "tracking",
        "readings_needed": 3,
    }
    api.post("campaigns/", order)
    api.post("campaigns/commons/followed/open/")
    return api


@pytest.fixture
def sit_down(hub: Hub, curator: Api, browser: Browser) -> Iterator[Callable[[], tuple[Page, Api]]]:
    """``sit_down()``: a new person signs in and opens the movie; their page and their own API."""
    visitors = []

    def sit() -> tuple[Page, Api]:
        name = f"follower{next(_numbers)}"
        curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
        visitor = Visitor(browser, hub.url)
        visitors.append(visitor)
        visitor.sign_in(name, PASSWORD)
        visitor.page.goto(f"{hub.url}/annotate/commons/followed")
        expect_figures(visitor.page, tracks=10, divisions=0, unlinked=10)
        expect(visitor.page.get_by_text("Reading the movie")).to_have_count(0)
        return visitor.page, Api(hub.url, name, PASSWORD)

    yield sit
    for visitor in visitors:
        visitor.close()


def expect_figures(page: Page, *, tracks: int, divisions: int, unlinked: int) -> None:
    said = page.get_by_role("region", name="The lineage in figures").locator("dd")
    expect(said).to_have_text([str(tracks), str(divisions), str(unlinked)])


def choose(page: Page, at: tuple[int, int]) -> None:
    """Click the cell at an image point."""
    place: Point = (at[0] + 0.5, at[1] + 0.5)
    page.mouse.click(*Bench(page).on_screen(place))


def follow(page: Page, places: dict[int, tuple[int, int]]) -> None:
    """Link a cell through all its frames; the tool goes on to the next frame by itself."""
    first, *others = sorted(places)
    to_frame(page, first)
    page.keyboard.press("v")
    choose(page, places[first])
    page.keyboard.press("l")
    for frame in others:
        shown(page, frame)
        choose(page, places[frame])
    page.keyboard.press("v")


def shown(page: Page, frame: int) -> None:
    expect(page.get_by_role("application", name=f"Frame {frame + 1} of 4")).to_be_visible()


def to_frame(page: Page, frame: int) -> None:
    for _ in range(4):
        page.keyboard.press(",")
    shown(page, 0)
    for _ in range(frame):
        page.keyboard.press(".")
    shown(page, frame)


def said_of(api: Api) -> tuple[dict[str, str], list[str]]:
    """What the hub holds of this person's work: links, and the tools of the edits."""
    (row,) = api.get("assignments/", campaign="commons/followed")["results"]
    edits = api.get(f"assignments/{row['id']}/edits/")["edits"]
    return fold_changes({}, [edit["changes"] for edit in edits]), [edit["tool"] for edit in edits]


def masks_of(api: Api) -> np.ndarray:
    """The given masks, numbered as the hub numbers them: in raster order in each frame."""
    data = movie().data
    given = np.zeros_like(data)
    for frame, labels in enumerate(data):
        ids, first = np.unique(labels, return_index=True)
        for number, at in enumerate(np.argsort(first[ids > 0]), start=1):
            given[frame][labels == ids[ids > 0][at]] = number
    return given


def test_a_movie_is_linked_divided_and_submitted(sit_down: Callable[[], tuple[Page, Api]]) -> None:
    page, api = sit_down()
    follow(page, ALONE)
    expect_figures(page, tracks=7, divisions=0, unlinked=6)
    follow(page, MOTHER)
    follow(page, UPPER)
    follow(page, LOWER)
    expect_figures(page, tracks=4, divisions=0, unlinked=0)

    to_frame(page, 1)
    choose(page, MOTHER[1])
    page.keyboard.press("d")
    shown(page, 2)
    choose(page, UPPER[2])
    choose(page, LOWER[2])
    expect_figures(page, tracks=4, divisions=1, unlinked=0)
    page.keyboard.press("Control+z")
    expect_figures(page, tracks=4, divisions=0, unlinked=0)
    page.keyboard.press("Control+y")
    expect_figures(page, tracks=4, divisions=1, unlinked=0)
    expect(page.get_by_role("option", name="divides into")).to_have_count(1)
    Bench(page).expect_mark("Saved")

    links, tools = said_of(api)
    followed = movie_of(masks_of(api), links)
    assert (len(followed.lineage.tracks), len(followed.lineage.divisions)) == (4, 1)
    assert len(followed.edges()) == len(movie().edges())
    assert tools.count("link") == 6
    assert tools[-3:] == ["divide", "undo", "redo"]

    page.reload()
    expect_figures(page, tracks=4, divisions=1, unlinked=0)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You handed in one image this sitting")).to_be_visible()


def test_swapped_cells_are_put_right_from_here_on(sit_down: Callable[[], tuple[Page, Api]]) -> None:
    page, api = sit_down()
    follow(page, UPPER)
    follow(page, LOWER)
    expect_figures(page, tracks=8, divisions=0, unlinked=6)
    Bench(page).expect_mark("Saved")
    right, _ = said_of(api)
    to_frame(page, 3)
    choose(page, UPPER[3])
    page.keyboard.press("3")  # from this frame on
    page.keyboard.press("s")
    choose(page, LOWER[3])
    Bench(page).expect_mark("Saved")
    wrong, tools = said_of(api)
    assert tools[-1] == "swap"
    (one, two) = right
    assert wrong == {one: right[two], two: right[one]}
    choose(page, UPPER[3])
    page.keyboard.press("u")  # a new track begins here
    Bench(page).expect_mark("Saved")
    left, tools = said_of(api)
    assert (len(left), tools[-1]) == (1, "unlink")


def test_nothing_linked_is_asked_about_before_it_is_submitted(sit_down: Callable[[], tuple[Page, Api]]) -> None:
    page, api = sit_down()
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Go on linking").click()
    page.keyboard.press("e")  # the first suspicious place
    expect(page.get_by_role("listbox", name="Tracks").get_by_role("option", selected=True)).to_have_count(1)
    assert said_of(api)[0] == {}
