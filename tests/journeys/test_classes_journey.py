"""Classes in a real browser against a real hub: boxed cells in batches, whole images by one key, painted tissue."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from visitor import Bench, Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.edits import fold_edits

pytestmark = pytest.mark.journey

PASSWORD = "seven-hungry-owls"
SHAPE = (140, 180)
# Rows and columns of the boxed cells' centres.
CELLS = [(30, 30), (30, 80), (30, 140), (100, 30), (100, 80), (100, 140)]
RADIUS = 12
CLASSES = ["small", "round", "other"]
_numbers = itertools.count(1)


def blood(folder: Path) -> Path:
    """A zip in the layout of Pascal VOC: two images of bright discs with a box around each."""
    rows, cols = np.indices(SHAPE)
    boxes = "".join(
        f"<object><name>{CLASSES[n % 3]}</name><bndbox><xmin>{x - RADIUS}</xmin><ymin>{y - RADIUS}</ymin>"
        f"<xmax>{x + RADIUS}</xmax><ymax>{y + RADIUS}</ymax></bndbox></object>"
        for n, (y, x) in enumerate(CELLS)
    )
    size = f"<size><width>{SHAPE[1]}</width><height>{SHAPE[0]}</height><depth>1</depth></size>"
    path = folder / "blood.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, level in (("smear-1", 150), ("smear-2", 220)):
            image = np.full(SHAPE, 20, np.uint8)
            for y, x in CELLS:
                image[(rows - y) ** 2 + (cols - x) ** 2 < (RADIUS - 2) ** 2] = level
            archive.writestr(f"set/JPEGImages/{name}.png", imagecodecs.png_encode(image))
            archive.writestr(f"set/Annotations/{name}.xml", f"<annotation>{size}{boxes}</annotation>")
    return path


@pytest.fixture(scope="module")
def curator(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Api:
    account = hub.accounts["curator"]
    api = Api(hub.url, account["username"], account["password"])
    folder = tmp_path_factory.mktemp("classes")
    for slug in ("smears", "tissue"):
        api.post("datasets/", {"slug": slug, "title": slug.title(), "licence": "CC0-1.0"})
    assert api.bring_in(blood(folder), dataset="commons/smears", layout="voc")["state"] == "finished"
    for number in range(3):
        path = folder / f"field-{number}.png"
        noise = np.random.default_rng(number).integers(20, 200, SHAPE, dtype=np.uint8)
        path.write_bytes(imagecodecs.png_encode(noise))
        api.upload(path, dataset="commons/tissue", purpose="image", source=f"slide-{number}")
    for slug, dataset, task, ordinal in (
        ("boxed", "commons/smears", "classification", False),
        ("graded", "commons/tissue", "classification", True),
        ("painted", "commons/tissue", "semantic_segmentation", False),
    ):
        ontology = {"names": ["0", "1", "2"] if ordinal else CLASSES, "ordinal": ordinal, "multi": False}
        order = {"slug": slug, "title": f"Campaign {slug}", "dataset": dataset, "task": task, "ontology": ontology}
        api.post("campaigns/", order | {"readings_needed": 1, "guidelines": "Look closely."})
        api.post(f"campaigns/commons/{slug}/open/")
    return api


@pytest.fixture
def sit_down(hub: Hub, curator: Api, browser: Browser) -> Iterator[Callable[[str], tuple[Page, Api]]]:
    """``sit_down(campaign)``: a new person signs in and opens the campaign; their page and their own API."""
    visitors = []

    def sit(campaign: str) -> tuple[Page, Api]:
        name = f"sorter{next(_numbers)}"
        curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
        visitor = Visitor(browser, hub.url)
        visitors.append(visitor)
        visitor.sign_in(name, PASSWORD)
        visitor.page.goto(f"{hub.url}/annotate/commons/{campaign}")
        return visitor.page, Api(hub.url, name, PASSWORD)

    yield sit
    for visitor in visitors:
        visitor.close()


def edits_of(api: Api, campaign: str, image: str) -> list[dict[str, Any]]:
    """The edits the hub has of this person's work on an image."""
    rows = api.get("assignments/", campaign=f"commons/{campaign}")["results"]
    row = next(row for row in rows if row["image"]["name"] == image)
    return list(api.get(f"assignments/{row['id']}/edits/")["edits"])


def said(edits: list[dict[str, Any]]) -> dict[str, Any]:
    """The values after ``edits``, folded here."""
    values: dict[str, Any] = {}
    for edit in edits:
        for key, (old, new) in edit.get("changes", {}).items():
            assert values.get(key) == old
            values[key] = new
    return {key: value for key, value in values.items() if value is not None}


def image_of(page: Page) -> str:
    return str(page.locator(".bench-title span").inner_text())


def saved(page: Page) -> None:
    Bench(page).expect_mark("Saved")


def test_boxed_cells_are_labelled_in_batches(sit_down) -> None:
    page, api = sit_down("boxed")
    cells = page.get_by_role("option")
    expect(cells).to_have_count(6)
    image = image_of(page)

    page.keyboard.press("2")  # the first, and on to the second
    expect(page.get_by_role("option", name="Subject 1: round")).to_be_visible()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("1")  # second, third and fourth at once
    expect(page.get_by_role("option", name="small")).to_have_count(3)
    page.keyboard.press("Control+z")  # one batch, one step
    expect(page.get_by_role("option", name="small")).to_have_count(0)
    page.keyboard.press("Control+y")
    expect(page.get_by_role("option", name="small")).to_have_count(3)

    first, last = cells.nth(4).bounding_box(), cells.nth(5).bounding_box()
    page.mouse.move(first["x"] + 30, first["y"] + 30)
    page.mouse.down()
    page.mouse.move(last["x"] + 30, last["y"] + 30, steps=4)
    page.mouse.up()
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(2)
    page.get_by_role("group", name="Class of the 2 chosen").get_by_role("button", name="other").click()
    cells.nth(2).click()
    page.keyboard.press("s")  # not sure after all
    saved(page)

    page.reload()
    expect(page.get_by_role("option", name="not labelled")).to_have_count(1)
    page.get_by_role("button", name="Not labelled").click()
    expect(cells).to_have_count(1)
    page.keyboard.press("Control+Enter")
    page.get_by_role("dialog", name="1 not labelled").get_by_role("button", name="Submit it so").click()
    expect(page.get_by_text("1 done this sitting")).to_be_visible()
    assert image_of(page) != image
    wanted = {"1": ["round"], "2": ["small"], "4": ["small"], "5": ["other"], "6": ["other"]}
    assert said(edits_of(api, "boxed", image)) == wanted


def test_a_key_and_enter_grade_an_image(sit_down) -> None:
    page, api = sit_down("graded")
    scale = page.get_by_role("group", name="Classes")
    expect(scale.get_by_role("button")).to_have_count(3)
    first = image_of(page)
    page.keyboard.press("2")
    expect(scale.get_by_role("button", name="2")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()
    assert said(edits_of(api, "graded", first)) == {"0": ["2"]}

    page.get_by_label("Choosing submits").check()
    second = image_of(page)
    page.locator("body").press("0")
    expect(page.get_by_text("2 done this sitting")).to_be_visible()
    assert said(edits_of(api, "graded", second)) == {"0": ["0"]}
    third = image_of(page)
    page.locator("body").press("s")
    expect(page.get_by_role("heading", name="Nothing left for you")).to_be_visible()
    assert said(edits_of(api, "graded", third)) == {}


def test_classes_are_painted_and_the_rest_stays_unknown(sit_down) -> None:
    page, api = sit_down("painted")
    bench = Bench(page)
    expect(page.get_by_role("slider", name="darkest").first).to_be_visible()
    expect(page.get_by_text("Loading", exact=False)).to_have_count(0)
    image = image_of(page)
    unknown = page.get_by_role("button", name="Unknown")
    expect(unknown).to_contain_text("100%")

    page.keyboard.press("2")
    bench.circle((60, 60), 30)
    page.keyboard.press("3")
    bench.stroke([(60, 60), (60, 150)])  # over the other class, and beyond
    bench.stroke([(60, 120)], button="right")
    expect(unknown).not_to_contain_text("100%")
    saved(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()

    drawn = fold_edits(np.zeros(SHAPE, np.uint32), [edit["tiles"] for edit in edits_of(api, "painted", image)])
    assert set(np.unique(drawn)) == {0, 2, 3}
    assert [int(drawn[at]) for at in ((45, 60), (60, 60), (60, 148), (60, 120), (120, 20))] == [2, 3, 3, 0, 0]
