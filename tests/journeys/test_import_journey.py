"""A zip brought in through the pages: the hub asks which layout it is, imports, and says of each file why."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from visitor import Visitor

from backend.door.hub import Hub
from cellcommons.synthetic.cells import generate_cells

pytestmark = pytest.mark.journey
DAYS = {"day-1": 2, "day-2": 2}


def picture(seed: int) -> bytes:
    pixels = generate_cells(seed, height=64, width=64, count=4).image[0]
    return imagecodecs.png_encode(np.clip(pixels / 24, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of pictures, which may be two classes or none; one more is cut off, and a note is no image."""
    path = tmp_path_factory.mktemp("zip") / "two-days.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for seed, day in enumerate(day for day, pictures in DAYS.items() for _ in range(pictures)):
            zipped.writestr(f"{day}/field-{seed}.png", picture(seed))
        whole = picture(99)
        zipped.writestr("day-2/torn.png", whole[: len(whole) // 2])
        zipped.writestr("day-2/notes.txt", "taken on a Monday\n")
    return path


@pytest.fixture
def visitor(hub: Hub, browser: Browser) -> Iterator[Visitor]:
    account = hub.accounts["curator"]
    visitor = Visitor(browser, hub.url, width=1440, height=900)
    visitor.sign_in(account["username"], account["password"])
    yield visitor
    visitor.close()


def make_dataset(page: Page) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Datasets").click()
    page.get_by_role("button", name="New dataset").first.click()
    form = page.get_by_role("dialog", name=re.compile("New dataset"))
    form.get_by_label("Title").fill("Two days")
    form.get_by_role("button", name="Make dataset").click()
    expect(page.get_by_role("heading", name="Two days")).to_be_visible()


def send(page: Page, archive: Path) -> None:
    """Choose the zip and leave the layout to the hub."""
    page.get_by_role("button", name="Import archive").click()
    panel = page.get_by_role("region", name="Import an archive")
    panel.locator("input[type=file]").set_input_files(archive)
    expect(panel.get_by_text("two-days.zip")).to_be_visible()
    panel.get_by_role("button", name="Import", exact=True).click()


def answer(page: Page) -> None:
    """Of the layouts that it may be, take the folders for classes."""
    question = page.get_by_role("form", name="Layout of two-days.zip")
    expect(question.get_by_text("Which of these is it?")).to_be_visible()
    choices = question.get_by_role("radio")
    assert choices.count() >= 2
    expect(choices.first).to_be_checked()
    question.get_by_role("radio", name=re.compile("sorted into classes")).check()
    question.get_by_role("button", name="Import it as this").click()


def test_a_zip_is_asked_about_and_every_file_accounted_for(visitor: Visitor, archive: Path) -> None:
    page = visitor.page
    make_dataset(page)
    send(page, archive)
    answer(page)

    # The panel counts, and leads to the report; the pictures are in the dataset.
    whole = sum(DAYS.values())
    job = page.get_by_role("list", name="Imports of this dataset").get_by_role("listitem").first
    expect(job).to_contain_text("finished")
    expect(job).to_contain_text(f"{whole} of {whole + 2} files came in, 2 did not")
    expect(page.locator(".image-grid li")).to_have_count(whole)
    job.get_by_role("link", name=re.compile("What became of each file")).click()

    # The report: how many, which, why, and what to do.
    expect(page.get_by_role("heading", name="two-days.zip")).to_be_visible()
    counts = page.get_by_role("region", name="Counts")
    for number, words in ((whole + 2, "found"), (whole, "came in"), (1, "refused"), (1, "not part of the layout")):
        expect(counts.locator(".figure").filter(has_text=words).locator("strong")).to_have_text(str(number))
    table = page.get_by_role("table")
    torn = table.get_by_role("row").filter(has_text="torn.png")
    expect(torn).to_contain_text("Refused")
    expect(torn).to_contain_text("truncated")
    assert len(torn.locator(".dim").inner_text()) > 10, "the remedy"
    page.get_by_role("group", name="What became of them").get_by_role("button", name=re.compile("^Refused")).click()
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_label("Search names and reasons").fill("no such file")
    expect(page.get_by_role("heading", name="No file fits")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(table.get_by_role("row")).to_have_count(whole + 3)

    # The same report to take along, and the way to an image that came in.
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == whole + 2
    table.get_by_role("link", name=re.compile("field-0")).click()
    expect(page.get_by_role("heading", name=re.compile("field-0"))).to_be_visible()
