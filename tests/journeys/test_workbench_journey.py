"""The workbench in a real browser against a real hub: looking, drawing, and what no crash may take away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Browser, expect
from visitor import Bench, Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_labels_over_http
from cellcommons.edits import fold_edits
from cellcommons.labels import Labels
from cellcommons.synthetic.cells import generate_cells

pytestmark = pytest.mark.journey

PASSWORD = "seven-hungry-owls"
# Not square, and more than one tile of 128 each way.
SHAPE = (144, 176)
RADIUS = 6.0  # the brush's, as the workbench opens


@dataclass
class Desk:
    """A dataset of three images under two campaigns: one takes a single reading, the other many."""

    curator: Api
    url: str
    single: str = "bench-single"
    many: str = "bench-many"


@dataclass
class Sitting:
    """A person at the workbench: their browser, their own API, and the bench in front of them."""

    visitor: Visitor
    api: Api
    campaign: str

    @property
    def bench(self) -> Bench:
        return Bench(self.visitor.page)

    def hub_labels(self, image: str) -> Labels:
        """What the hub has of this person's edits of an image, folded here."""
        rows = self.api.get("assignments/", campaign=f"commons/{self.campaign}")["results"]
        row = next(row for row in rows if row["image"]["name"] == image)
        edits = self.api.get(f"assignments/{row['id']}/edits/")["edits"]
        return fold_edits(np.zeros(SHAPE, np.uint32), [edit["tiles"] for edit in edits])


@pytest.fixture(scope="module")
def desk(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    account = hub.accounts["curator"]
    desk = Desk(Api(hub.url, account["username"], account["password"]), hub.url)
    folder = tmp_path_factory.mktemp("images")
    desk.curator.post("datasets/", {"slug": "bench", "title": "Bench", "licence": "CC0-1.0"})
    for seed in range(3):
        made = generate_cells(seed, height=SHAPE[0], width=SHAPE[1], channels=2)
        path = folder / f"field-{seed}.tif"
        tifffile.imwrite(path, made.image, imagej=True, metadata={"axes": "CYX", "Labels": list(made.channels)})
        desk.curator.upload(path, dataset="commons/bench", purpose="image", source=f"slide-{seed}")
    for slug, readings in ((desk.single, 1), (desk.many, 20)):
        order = {"slug": slug, "title": f"Nuclei {slug}", "dataset": "commons/bench", "task": "instance_segmentation"}
        order |= {"readings_needed": readings, "guidelines": "Outline **every nucleus**."}
        desk.curator.post("campaigns/", order)
        desk.curator.post(f"campaigns/commons/{slug}/open/")
    return desk


@pytest.fixture
def sit_down(desk: Desk, browser: Browser) -> Iterator[Callable[[str], Sitting]]:
    """``sit_down(campaign)``: a new person signs in by the form and opens the campaign from home."""
    visitors = []

    def sit(campaign: str) -> Sitting:
        name = f"reader{next(_numbers)}"
        desk.curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
        visitor = Visitor(browser, desk.url)
        visitors.append(visitor)
        visitor.sign_in(name, PASSWORD)
        visitor.page.get_by_role("link", name=f"Annotate: Nuclei {campaign}").click()
        sitting = Sitting(visitor, Api(desk.url, name, PASSWORD), campaign)
        sitting.bench.wait()
        return sitting

    yield sit
    for visitor in visitors:
        visitor.close()


_numbers = itertools.count(1)


def disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    """Pixels whose centres lie within ``radius`` of ``centre``."""
    rows, cols = np.indices(SHAPE) + 0.5
    return (rows - centre[0]) ** 2 + (cols - centre[1]) ** 2 <= radius**2


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_an_image_is_looked_at(desk, sit_down):
    bench = sit_down(desk.many).bench
    page = bench.page
    shown = bench.pixels()
    assert shown.std() > 10  # nuclei on dark ground, not a blank
    assert not np.array_equal(shown[..., 1], shown[..., 2])  # two channels in two colours

    brightest = page.get_by_role("slider", name="brightest").first
    brightest.press("Home")
    washed = bench.pixels()
    assert washed.mean() > shown.mean() + 5
    page.get_by_role("button", name="Auto").first.click()
    again, shown = shown, bench.pixels()  # the window that comes with the image is not quite that of Auto
    assert np.abs(shown.astype(int) - again).mean() < 3

    page.keyboard.press("2")
    expect(page.get_by_role("button", name="Show cell bodies")).to_be_visible()
    assert bench.pixels().mean() < shown.mean()
    page.keyboard.press("2")

    percent = page.get_by_title("One screen pixel an image pixel")
    before = int(percent.inner_text().rstrip("%"))
    bench.hover((72.5, 88.5))
    page.mouse.wheel(0, -400)
    expect(percent).not_to_have_text(f"{before}%")
    assert int(percent.inner_text().rstrip("%")) > before
    assert not np.array_equal(bench.pixels(), shown)
    bench.fit()
    expect(percent).to_have_text(f"{before}%")
    np.testing.assert_array_equal(bench.pixels(), shown)
    expect(page.get_by_text("every nucleus")).to_be_visible()


def test_what_is_drawn_is_what_the_hub_keeps(desk, sit_down):
    sitting = sit_down(desk.single)
    bench, page = sitting.bench, sitting.visitor.page
    image = bench.wait()
    bare = bench.pixels()

    bench.circle((40, 40), 14)  # what a stroke circles is filled
    bench.expect_cells(1)
    assert not np.array_equal(bench.pixels(), bare)
    bench.stroke([(110, 40)])
    bench.expect_cells(2)
    bench.stroke([(70, 130)])
    bench.expect_cells(3)

    page.keyboard.press("b")
    bench.stroke([(110, 40), (110, 70)])  # the brush begun in a cell extends it, over the border of a tile
    bench.expect_cells(3)
    page.keyboard.press("e")
    bench.stroke([(110, 70)])
    bench.expect_cells(3)
    page.keyboard.press("x")
    bench.stroke([(70, 130)])
    bench.expect_cells(2)
    page.keyboard.press("z")
    bench.expect_cells(3)
    page.keyboard.press("Control+y")
    bench.expect_cells(2)
    page.keyboard.press("Control+z")
    bench.expect_cells(3)
    page.keyboard.press("Control+Shift+z")
    bench.expect_cells(2)
    page.keyboard.press("n")
    bench.stroke([(60, 150), (75, 150)])
    bench.expect_cells(3)
    bench.expect_mark("Saved")

    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()
    assert bench.wait() != image
    bench.expect_cells(0)

    drawn = sitting.hub_labels(image)
    seen = {int(drawn[at]) for at in ((40, 40), (110, 45), (68, 150))}
    assert len(seen) == 3
    assert set(np.unique(drawn)) == seen | {0}
    assert overlap(drawn == drawn[40, 40], disc((40, 40), 14 + RADIUS)) > 0.9
    bar = np.logical_or.reduce([disc((110, x), RADIUS) for x in np.arange(40, 70.5, 0.5)]) & ~disc((110, 70), RADIUS)
    assert overlap(drawn == drawn[110, 45], bar) > 0.9

    # One reading is all that is asked: it is the consensus, cell by cell.
    image_id = next(row["id"] for row in desk.curator.all("images/", dataset="commons/bench") if row["name"] == image)
    found = []
    while not found:
        found = [
            row for row in desk.curator.all("consensus/", campaign=f"commons/{desk.single}") if row["image"] == image_id
        ]
        page.wait_for_timeout(200)
    assert found[0]["state"] == "settled"
    agreed = read_labels_over_http(desk.curator, found[0]["zarr_url"])
    for cell in seen:
        mask = drawn == cell
        assert overlap(agreed == np.bincount(agreed[mask]).argmax(), mask) > 0.95


def test_a_reload_in_the_middle_changes_nothing(desk, sit_down):
    sitting = sit_down(desk.many)
    bench, page = sitting.bench, sitting.visitor.page
    image = bench.wait()
    bench.circle((40, 40), 12)
    bench.stroke([(100, 120), (120, 150)])
    page.keyboard.press("e")
    bench.stroke([(100, 120)])
    page.keyboard.press("n")
    bench.stroke([(30, 140)])
    bench.expect_mark("Saved")
    page.keyboard.press("Escape")
    before = bench.pixels()

    page.reload()
    assert bench.wait() == image
    bench.expect_cells(3)
    bench.expect_mark("Saved")
    np.testing.assert_array_equal(bench.pixels(), before)
    kept = sitting.hub_labels(image)
    for at in ((40.5, 40.5), (115.5, 140.5), (30.5, 140.5), (100.5, 120.5), (70.5, 60.5)):
        assert bench.cell_at(at) == kept[int(at[0]), int(at[1])]
    assert kept[100, 120] == 0
    assert kept[115, 140] != 0

    page.keyboard.press("z")  # undo reaches back over the reload
    bench.expect_cells(2)
    bench.stroke([(30, 100)])
    bench.expect_cells(3)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()
    done = sitting.hub_labels(image)
    assert done[30, 140] == 0
    assert done[30, 100] != 0


def test_drawing_goes_on_without_a_network(desk, sit_down):
    sitting = sit_down(desk.many)
    bench, page, context = sitting.bench, sitting.visitor.page, sitting.visitor.context
    image = bench.wait()
    bench.stroke([(30, 30)])
    bench.expect_mark("Saved")

    context.set_offline(True)
    bench.stroke([(30, 80), (40, 90)])
    bench.stroke([(100, 60)])
    bench.expect_cells(3)
    bench.expect_mark("Offline – kept on this device")
    assert len(np.unique(sitting.hub_labels(image))) == 2

    context.set_offline(False)
    bench.expect_mark("Saved")
    assert len(np.unique(sitting.hub_labels(image))) == 4
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()


def test_a_session_that_runs_out_under_work(desk, sit_down):
    sitting = sit_down(desk.many)
    bench, page = sitting.bench, sitting.visitor.page
    image = bench.wait()
    bench.stroke([(30, 30)])
    bench.expect_mark("Saved")

    sitting.visitor.context.clear_cookies()
    bench.stroke([(100, 60)])
    dialog = page.get_by_role("dialog", name="Your session ran out")
    expect(dialog).to_be_visible()
    bench.expect_mark("Signed out – kept on this device")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    bench.expect_mark("Saved")
    bench.expect_cells(2)
    assert len(np.unique(sitting.hub_labels(image))) == 3


def test_a_killed_tab_loses_nothing(desk, sit_down):
    sitting = sit_down(desk.many)
    bench, context = sitting.bench, sitting.visitor.context
    image = bench.wait()
    bench.circle((40, 40), 12)
    bench.expect_mark("Saved")
    # What only this device has must come back too.
    context.set_offline(True)
    bench.circle((100, 120), 12)
    bench.stroke([(40, 120)])
    bench.expect_mark("Offline – kept on this device")

    sitting.visitor.crash()
    context.set_offline(False)
    sitting.visitor.new_page().goto(f"{desk.url}/annotate/commons/{desk.many}")
    bench = sitting.bench
    assert bench.wait() == image
    bench.expect_cells(3)
    bench.expect_mark("Saved")
    kept = sitting.hub_labels(image)
    assert overlap(kept == kept[100, 120], disc((100, 120), 12 + RADIUS)) > 0.9
    for at in ((40.5, 40.5), (100.5, 120.5), (40.5, 120.5), (70.5, 60.5)):
        assert bench.cell_at(at) == kept[int(at[0]), int(at[1])]
    assert len(np.unique(kept)) == 4

    sitting.visitor.page.keyboard.press("Control+Enter")
    expect(sitting.visitor.page.get_by_text("1 done this sitting")).to_be_visible()
