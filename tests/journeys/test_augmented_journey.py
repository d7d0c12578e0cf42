"""Augmented microscopy in a real browser against a real hub: marks on real pictures, a dispute, a hidden trial."""

from __future__ import annotations

import io
import itertools
import math
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Browser, Locator, Page, expect
from visitor import Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.reading import Reading, reading_sha256
from cellcommons.synthetic.pairs import generate_pair

pytestmark = pytest.mark.journey

PASSWORD = "seven-hungry-owls"
HEIGHT, WIDTH = 128, 160
PAIRS = 4
_numbers = itertools.count(1)


def stains(folder: Path) -> Path:
    """A zip in the layout of pairs: phase contrast and its fluorescence, two markers."""
    path = folder / "stains.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(PAIRS):
            made = generate_pair(number, height=HEIGHT, width=WIDTH)
            for name, image, axes in (
                ("source", made.source.data.reshape(HEIGHT, WIDTH), "YX"),
                ("target", made.pair.target.data, "CYX"),
            ):
                file = io.BytesIO()
                tifffile.imwrite(file, image, imagej=True, metadata={"axes": axes})
                archive.writestr(f"stains/{name}/field-{number}.tif", file.getvalue())
    return path


@pytest.fixture(scope="module")
def curator(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Api:
    account = hub.accounts["curator"]
    api = Api(hub.url, account["username"], account["password"])
    api.post("datasets/", {"slug": "stains", "title": "Stains", "licence": "CC0-1.0"})
    archive = stains(tmp_path_factory.mktemp("stains"))
    assert api.bring_in(archive, dataset="commons/stains", layout="paired")["imported"] == PAIRS
    return api


@pytest.fixture
def visit(hub: Hub, curator: Api, browser: Browser) -> Iterator[Callable[[str], tuple[Page, Api]]]:
    """``visit(role)``: a new person of that role, signed in; their page and their own API."""
    visitors = []

    def come(role: str) -> tuple[Page, Api]:
        name = f"{role}-of-stains-{next(_numbers)}"
        curator.post("people/", {"username": name, "password": PASSWORD, "role": role})
        visitor = Visitor(browser, hub.url)
        visitors.append(visitor)
        visitor.sign_in(name, PASSWORD)
        return visitor.page, Api(hub.url, name, PASSWORD)

    yield come
    for visitor in visitors:
        visitor.close()


def circle(page: Page, picture: Locator) -> None:
    """Draw a ring in the middle of ``picture``; what it circles is filled."""
    box = picture.bounding_box()
    assert box is not None
    y, x = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2
    radius = min(box["height"], box["width"]) / 6
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 30):
        page.mouse.move(x + radius * math.cos(step / 4.5), y + radius * math.sin(step / 4.5))
    page.mouse.up()


def count(page: Page) -> Locator:
    """How many regions are marked, as the panel says."""
    return page.get_by_role("region", name="Marks").locator(".count")


def edits_of(api: Api, campaign: str) -> list[dict[str, Any]]:
    """The edits of this person's only assignment."""
    (row,) = api.get("assignments/", campaign=campaign)["results"]
    return list(api.get(f"assignments/{row['id']}/edits/")["edits"])


def test_real_pictures_are_marked_and_a_dispute_is_settled(hub: Hub, curator: Api, visit: Any) -> None:
    page, _ = visit("curator")
    page.goto(f"{hub.url}/datasets/commons/stains?campaign")
    page.get_by_label("Title").fill("Marks on stains")
    page.get_by_role("radio", name="Augmented microscopy").check()
    page.get_by_label("Readings of each image").fill("2")
    page.get_by_role("button", name="Make campaign").click()
    expect(page.get_by_role("heading", name="Marks on stains")).to_be_visible()
    expect(page.get_by_label("Policy")).to_contain_text("Augmented microscopy")

    page, api = visit("annotator")
    page.goto(f"{hub.url}/annotate/commons/marks-on-stains")
    target = page.get_by_role("application", name="The real counterpart")
    expect(target).to_be_visible()
    expect(page.get_by_role("region", name="Question")).to_have_count(0)
    circle(page, target)
    expect(count(page)).to_have_text("1")
    page.keyboard.press("z")
    expect(count(page)).to_have_text("0")
    page.keyboard.press("y")
    expect(count(page)).to_have_text("1")
    page.keyboard.press("w")
    divider = page.get_by_role("slider", name="Divider")
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert [edit["tool"] for edit in edits_of(api, "commons/marks-on-stains")] == ["new-cell", "undo", "redo"]
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 done this sitting")).to_be_visible()

    page, _ = visit("annotator")
    page.goto(f"{hub.url}/annotate/commons/marks-on-stains")
    expect(page.get_by_role("application", name="The real counterpart")).to_be_visible()
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Yes, nothing is wrong").click()
    expect(page.get_by_text("1 done this sitting")).to_be_visible()

    page, expert = visit("expert")
    for _ in range(200):
        if expert.get("disagreements/", campaign="commons/marks-on-stains", state="open")["count"]:
            break
        page.wait_for_timeout(300)
    page.goto(f"{hub.url}/disagreements?campaign=commons/marks-on-stains")
    page.get_by_role("link", name="Start settling").click()
    expect(page.get_by_role("heading", name="Is the picture wrong here?")).to_be_visible()
    with page.expect_response("**/settle/") as answer:
        page.get_by_role("button", name="1 Wrong here").click()
        page.keyboard.press("Enter")
    assert answer.value.ok
    expect(page.get_by_role("heading", name="Nothing is disputed")).to_be_visible()


def read_all_unmarked(api: Api, campaign: str) -> None:
    """One person says of every image that nothing is wrong."""
    empty = Reading(np.zeros((HEIGHT, WIDTH), np.uint32), {})
    body = {"edit_count": 0, "labels_sha256": reading_sha256(empty, paints=True, answers=True), "active_seconds": 1}
    for _ in range(PAIRS):
        assignment = api.post(f"campaigns/{campaign}/assignments/next/")
        api.post(f"assignments/{assignment['id']}/submit/", body)


def predicted_campaign(curator: Api, reader: Api) -> None:
    """Campaign ``trials`` over the pairs, with the predictions of a model that barely learned anything."""
    for slug in ("plain", "trials"):
        order = {"slug": slug, "title": slug.title(), "dataset": "commons/stains", "task": "augmented"}
        curator.post("campaigns/", order | {"readings_needed": 1})
        curator.post(f"campaigns/commons/{slug}/open/")
    read_all_unmarked(reader, "commons/plain")
    while curator.get("campaigns/commons/plain/")["progress"]["settled"] < PAIRS:
        time.sleep(0.3)
    shares = {"train": 0.5, "validation": 0.25, "test": 0.25}
    release = curator.post("datasets/commons/stains/releases/", {"campaign": "commons/plain", "fractions": shares})
    published = curator.wait(f"releases/commons/stains/{release['id']}/", until=("published", "failed"))
    assert published["state"] == "published", published["error"]
    run = curator.post("training-runs/", {"release": published["reference"], "budget_seconds": 1})
    run = curator.wait(f"training-runs/{run['id']}/", until=("finished", "failed"))
    assert run["state"] == "finished", run["error"]
    body = {"model_card": run["model_card"], "campaign": "commons/trials", "scope": "unread"}
    predicting = curator.post("prediction-runs/", body)
    predicting = curator.wait(f"prediction-runs/{predicting['id']}/", until=("finished", "failed"))
    assert predicting["state"] == "finished", predicting["error"]


def test_a_hidden_trial_is_answered_once_then_told(hub: Hub, curator: Api, visit: Any) -> None:
    page, api = visit("annotator")
    predicted_campaign(curator, api)
    page.goto(f"{hub.url}/annotate/commons/trials")
    question = page.get_by_role("region", name="Question")
    expect(question).to_contain_text("Which one is real?")
    expect(question).to_contain_text("cannot be changed")
    expect(page.get_by_role("button", name="New region")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(question).to_contain_text("Answer this before you submit.")

    page.keyboard.press("b")
    judged = page.get_by_role("application", name="predicted")
    expect(judged).to_be_visible()
    (row,) = api.get("assignments/", campaign="commons/trials")["results"]
    told = api.get(f"assignments/{row['id']}/")
    roles = {given["key"]: given["role"] for given in told["given"]}
    assert sorted(roles.values()) == ["predicted", "real"]
    expect(question).to_contain_text("Right" if roles["b"] == "real" else "Not this time")
    circle(page, judged)
    expect(count(page)).to_have_text("1")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()

    page.reload()  # what was told stays told, and B is the brush now
    expect(page.get_by_role("application", name="predicted")).to_be_visible()
    expect(count(page)).to_have_text("1")
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Brush")).to_have_attribute("aria-pressed", "true")
    assert [edit["changes"] for edit in edits_of(api, "commons/trials") if edit.get("changes")] == [
        {"trial": [None, "b"]}
    ]
    with page.expect_response("**/submit/") as handed:
        page.keyboard.press("Control+Enter")
    assert handed.value.ok
    assert handed.value.json()["cells"] == 1
