"""A scripted person splits, joins and renumbers cells of a real image: the hub's label map is the reference's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from visitor import Bench, Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.edits import fold_edits
from tests.bench.painting.desk import prepare_desk
from tests.bench.painting.scripted import CHANNELS, ScriptedUser, read_real_image

CHANGES = 12

pytestmark = [pytest.mark.journey, pytest.mark.real_data]


def test_no_pixel_differs_from_the_reference(hub: Hub, browser: Browser, tmp_path: Path, real_data: Path):
    image, drawn = read_real_image(real_data / "seg_dsb2018_fixes")
    desk = prepare_desk(hub, tmp_path, (image, drawn), CHANNELS)
    visitor = Visitor(browser, hub.url)
    visitor.sign_in(desk.username, desk.password)
    visitor.page.goto(f"{hub.url}/annotate/{desk.campaign}")
    bench = Bench(visitor.page)
    bench.wait()
    user = ScriptedUser(bench, drawn)
    user.work(CHANGES)
    bench.expect_mark("Saved")
    bench.expect_cells(len(np.unique(user.labels)) - 1)

    api = Api(hub.url, desk.username, desk.password)
    row = api.get("assignments/", campaign=desk.campaign)["results"][0]
    edits = api.get(f"assignments/{row['id']}/edits/")["edits"]
    np.testing.assert_array_equal(fold_edits(drawn, [edit["tiles"] for edit in edits]), user.labels)
    assert len(edits) == user.done.total()
    assert set(user.done) == {"cut", "split", "join", "renumber"}
    visitor.close()
