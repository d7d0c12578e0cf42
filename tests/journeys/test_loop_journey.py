"""The wheel, turned once through the pages: images, readings, consensus, release, model, drafts and the next round."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from playwright.sync_api import Browser, Locator, Page, expect
from visitor import Bench, Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from backend.rehearsal.kinds.registry import get_kind
from backend.rehearsal.person import SimulatedAnnotator
from backend.rehearsal.pool import Case, Pool
from cellcommons.labels import Labels
from cellcommons.reading import Reading
from cellcommons.synthetic.annotator import ErrorModel
from cellcommons.synthetic.cells import generate_cells

pytestmark = pytest.mark.journey

PASSWORD = "seven-hungry-owls"
SIDE = 112
READ, WAITING = 6, 2
# Draws what is there, with no slip of the hand.
FAULTLESS = ErrorModel(miss=0, merge=0, split=0, spurious=0, boundary_px=0)
LONG = 180_000  # a training, a prediction


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images, one of them a TIFF of three channels, and a ninth file that is cut off."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(READ + WAITING):
        pixels = generate_cells(number, height=SIDE, width=SIDE, count=6).image
        if number == 0:
            stains = np.concatenate([pixels, pixels // 2, pixels // 3])
            tifffile.imwrite(folder / "field-0.tif", stains, imagej=True, metadata={"axes": "CYX"})
        else:
            (folder / f"field-{number}.png").write_bytes(imagecodecs.png_encode(pixels[0]))
    whole = (folder / "field-0.tif").read_bytes()
    (folder / "torn.tif").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def truths(files: Path) -> dict[str, Labels]:
    """Name of each image -> what is in it."""
    seeds = {path.stem: int(re.search(r"\d", path.name)[0]) for path in files.glob("field-*")}
    return {name: generate_cells(seed, height=SIDE, width=SIDE, count=6).labels for name, seed in seeds.items()}


@pytest.fixture
def arrive(hub: Hub, browser: Browser) -> Iterator:
    """``arrive(username, password)``: a person signed in, at home."""
    visitors = []

    def sign_in(username: str, password: str = PASSWORD) -> Visitor:
        visitor = Visitor(browser, hub.url)
        visitors.append(visitor)
        visitor.sign_in(username, password)
        return visitor

    yield sign_in
    for visitor in visitors:
        visitor.close()


def dialog(page: Page, title: str) -> Locator:
    found = page.get_by_role("dialog", name=title)
    expect(found).to_be_visible()
    return found


def make_dataset(page: Page) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Datasets").click()
    page.get_by_role("button", name="New dataset").first.click()
    form = dialog(page, "New dataset")
    form.get_by_label("Title").fill("Loop nuclei")
    form.get_by_label("What it is").fill("Generated nuclei, to try the **whole** loop.")
    form.get_by_role("button", name="Make dataset").click()
    expect(page.get_by_role("heading", name="Loop nuclei")).to_be_visible()


def upload(page: Page, files: Path) -> None:
    """Every file at once; the torn one is refused with what to do, and nothing else suffers."""
    page.locator("input[type=file][multiple]").set_input_files(sorted(files.iterdir()))
    panel = page.get_by_role("region", name="Upload images")
    expect(panel.get_by_text(f"{READ + WAITING} of {READ + WAITING + 1} files added")).to_be_visible()
    torn = panel.get_by_role("listitem").filter(has_text="torn.tif")
    expect(torn).to_contain_text("refused")
    expect(torn.get_by_role("alert")).to_contain_text("truncated")
    # The remedy is there, and the hub stays as it was.
    assert len(torn.get_by_role("alert").locator(".dim").inner_text()) > 10
    expect(page.locator(".image-grid li")).to_have_count(READ + WAITING)


def open_campaign(page: Page) -> None:
    page.get_by_role("button", name="New campaign").click()
    form = dialog(page, "New campaign")
    form.get_by_label("Title").fill("Loop campaign")
    form.get_by_label("Guidelines").fill("Outline **every nucleus**.")
    form.get_by_label("Readings of each image").fill("2")
    form.get_by_role("button", name="Make campaign").click()
    expect(page.get_by_role("heading", name="Loop campaign")).to_be_visible()
    expect(page.get_by_text("of readings")).to_be_visible()


def start_round(page: Page, *, size: int) -> None:
    panel = page.locator("#rounds")
    panel.get_by_label("Offer the first").fill(str(size))
    panel.get_by_role("button", name="Start round").click()
    expect(panel.get_by_role("button", name=re.compile(r"^Round \d")).first).to_be_visible()


def read_images(hub: Hub, curator: Api, truths: dict[str, Labels]) -> str:
    """Three people read what the round offers; one sees all, the others overlook one cell of one image.

    Returns the name of the image that they cannot agree on.
    """
    offered = [row["name"] for row in curator.get("rounds/", campaign="commons/loop-campaign")["results"][0]["items"]]
    disputed = offered[0]
    overlooked = {**truths, disputed: np.where(truths[disputed] == 1, 0, truths[disputed]).astype(np.uint32)}
    people = {}
    for name, sees in (("ada", truths), ("ben", overlooked), ("cleo", overlooked)):
        curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
        cases = {image: Case(image, image, "", Reading(labels), labels.shape) for image, labels in sees.items()}
        kind = get_kind("instance_segmentation")
        pool = Pool("plain", kind.task, cases, ())
        people[name] = SimulatedAnnotator(Api(hub.url, name, PASSWORD), name, kind, FAULTLESS, pool, 0)
    assert len(list(people["ada"].work("commons/loop-campaign"))) == READ
    first = [next(people["ben"].work("commons/loop-campaign")) for _ in range(2)]
    rest = [*people["cleo"].work("commons/loop-campaign"), *people["ben"].work("commons/loop-campaign")]
    assert len(first + rest) == READ
    assert sum(reading.lost for person in people.values() for reading in person.submissions) == 0
    return disputed


def settle_by_keys(page: Page, disputed: str) -> None:
    """The expert's queue: choose the option with the cell by its key, confirm by Enter."""
    page.get_by_role("link", name="Settle").click()
    page.get_by_role("link", name="Start settling").click()
    expect(page.get_by_role("heading", name="Is there a cell?")).to_be_visible()
    expect(page.get_by_role("link", name=disputed)).to_be_visible()
    option = page.get_by_role("button", name=re.compile(r"\b\d 1 cell"))
    key = option.inner_text().split()[0]
    page.keyboard.press(key)
    expect(option).to_have_attribute("aria-pressed", "true")
    expect(option).to_contain_text("seen by 1 reader")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing is disputed")).to_be_visible()


def publish(page: Page) -> str:
    """Publish what is settled by the form; the manifest's hash as the page shows it."""
    page.get_by_role("button", name="Publish release").click()
    form = dialog(page, "Publish a release")
    expect(form).to_contain_text(f"{READ} settled images of {READ + WAITING} go in")
    form.get_by_label("What is new").fill("The first release.")
    form.get_by_role("button", name="Publish", exact=True).click()
    manifest = page.locator("#trust code").first
    expect(manifest).to_have_text(re.compile("^[0-9a-f]{64}$"), timeout=LONG)
    return manifest.inner_text()


def download(hub: Hub, folder: Path, manifest: str) -> None:
    def cellcommons(*words: str) -> dict:
        command = [str(Path(sys.executable).with_name("cellcommons")), *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    cellcommons("download", "commons/loop-nuclei@1", str(folder), "--hub", hub.url, "--sha256", manifest)
    assert cellcommons("verify", str(folder))["manifest_sha256"] == manifest


def train(page: Page) -> str:
    """Train by the form, cancel on the run's page, resume, and follow it by events to its card. The card's address."""
    streams = []
    page.on("response", lambda answer: streams.append(answer) if answer.url.endswith("/events/") else None)
    page.get_by_role("button", name="Train a model").click()
    form = dialog(page, "Train on commons/loop-nuclei@1.0.0")
    form.get_by_label("Budget").fill("12")
    form.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("heading", name="Training on commons/loop-nuclei@1.0.0")).to_be_visible()

    steps = page.get_by_role("region", name="Progress").locator(".figure").filter(has_text="steps").locator("strong")
    expect(steps).to_have_text(re.compile(r"^[1-9][\d,]*$"), timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("What it had learned is kept")).to_be_visible(timeout=LONG)
    reached = int(steps.inner_text().replace(",", ""))
    page.get_by_role("button", name="Resume").click()

    card = page.get_by_role("link", name="Open the model card")
    expect(card).to_be_visible(timeout=LONG)
    assert int(steps.inner_text().replace(",", "")) >= reached
    assert {answer.headers["content-type"].partition(";")[0] for answer in streams} == {"text/event-stream"}
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    card.click()
    expect(page.get_by_role("heading", name="On the test split")).to_be_visible()
    return page.url


def look_at_card(page: Page) -> None:
    """Measures, and a picture of each test image that really loads."""
    expect(page.get_by_role("region", name="Measures")).to_contain_text("F1")
    pictures = page.locator(".scored img")
    expect(pictures.first).to_be_visible()
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0


def predict(page: Page) -> None:
    page.get_by_role("button", name="Predict").click()
    run = page.locator(".import-job").first
    expect(run).to_contain_text("finished", timeout=LONG)
    expect(run).to_contain_text(f"{WAITING} images")


def test_the_wheel_turns_through_the_pages(hub, arrive, files, truths, tmp_path):
    account = hub.accounts["curator"]
    api = Api(hub.url, account["username"], account["password"])
    curator = arrive(account["username"], account["password"])
    page = curator.page
    make_dataset(page)
    upload(page, files)
    open_campaign(page)
    start_round(page, size=READ)
    campaign = page.url

    disputed = read_images(hub, api, truths)
    api.post("people/", {"username": "eva", "password": PASSWORD, "role": "expert"})
    # The hub fuses as readings come in; the expert comes once it is done.
    while True:
        progress = api.get("campaigns/commons/loop-campaign/")["progress"]
        if progress["settled"] + progress["disputed"] == READ:
            break
        page.wait_for_timeout(200)
    assert progress["disputed"] == 1
    settle_by_keys(arrive("eva").page, disputed)

    page.goto(campaign)
    settled = (
        page.get_by_role("region", name="Progress").locator(".figure").filter(has_text="settled").locator("strong")
    )
    expect(settled).to_have_text(str(READ))
    manifest = publish(page)
    release = page.url
    download(hub, tmp_path / "release", manifest)

    train(page)
    look_at_card(page)
    page.goto(release)
    expect(page.get_by_role("heading", name="Models trained on it")).to_be_visible()

    page.goto(campaign)
    predict(page)
    start_round(page, size=WAITING)
    expect(page.locator("#rounds .ranking li")).to_have_count(WAITING)
    expect(page.locator("#rounds .ranking")).to_contain_text("uncertainty")

    reader = arrive("ada")
    reader.page.get_by_role("link", name="Annotate: Loop campaign").click()
    bench = Bench(reader.page)
    bench.wait()
    expect(reader.page.get_by_text("You start from a model's draft.")).to_be_visible()
    ada = Api(hub.url, "ada", PASSWORD)
    held = ada.get(f"assignments/{ada.get('assignments/', state='leased')['results'][0]['id']}/")
    bench.expect_cells(len(held["draft"]["cells"]))
