"""Files on their way into a real hub: what is cut off at either end goes on, and every byte arrives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from noise import noise
from playwright.sync_api import Browser, Route, expect
from slow_way import SlowWay
from visitor import Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.canonical import sha256_hex
from cellcommons.store import open_store

PART = 8 << 20


@pytest.fixture(scope="module")
def api(hub: Hub) -> Api:
    account = hub.accounts["curator"]
    api = Api(hub.url, account["username"], account["password"])
    api.post("datasets/", {"slug": "sent", "title": "Sent", "licence": "CC0-1.0"})
    return api


def command(api: Api, *words: object, url: str = "", **options: Any) -> subprocess.Popen[str]:
    """``cellcommons upload`` as a process of its own."""
    line = [
        sys.executable,
        "-m",
        "cellcommons",
        "upload",
        "--dataset",
        "commons/sent",
        "--hub",
        url or api.url,
        "--json",
    ]
    env = os.environ | {"CELLCOMMONS_TOKEN": api.token}
    return subprocess.Popen(
        [*line, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, **options
    )


def said(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, fault = process.communicate(timeout=600)
    assert out, fault
    return process.returncode, json.loads(out.splitlines()[-1])


def begun(api: Api, name: str) -> dict[str, Any] | None:
    """The upload of that name, as the hub has it."""
    found = [row["id"] for row in api.all("uploads/", dataset="commons/sent") if row["name"] == name]
    return api.get(f"uploads/{found[0]}/") if found else None


def here(row: dict[str, Any]) -> int:
    return row["parts"] - sum(last - first + 1 for first, last in row["missing"])


def test_a_killed_client_and_a_killed_server_lose_no_part(hub: Hub, api: Api, tmp_path: Path) -> None:
    path = noise(tmp_path / "large.png", 3800, 1)
    size = path.stat().st_size
    slow = SlowWay(hub.url, rate=6e6)
    try:
        killed = command(api, path, "--jobs", "1", url=slow.url)
        while (row := begun(api, path.name)) is None or not here(row):
            assert killed.poll() is None
            time.sleep(0.05)
        # The web server dies under it: it goes on by itself.
        web = int(json.loads((hub.home / "hub.json").read_text())["services"]["web"]["pid"])
        os.killpg(web, signal.SIGKILL)
        while True:
            try:
                row = begun(api, path.name)
            except OSError:
                time.sleep(0.1)
                continue
            if row and here(row) >= 2:
                break
            assert killed.poll() is None
            time.sleep(0.05)
        assert row["state"] == "sending"
        # Then the client, within a part.
        killed.kill()
        killed.wait()
    finally:
        slow.close()
    kept = here(begun(api, path.name))
    assert 2 <= kept < row["parts"]
    status, done = said(command(api, path))
    assert (status, done["complete"], done["images"]) == (0, True, 1)
    assert 0 < done["sent"] <= size - kept * PART + PART
    image = api.get(f"images/{done['files'][0]['images'][0]}/")
    assert (image["height"], image["width"]) == (3800, 3800)
    store = open_store(hub.env["OBJECTS_URL"])
    assert store.get(sha256_hex(path.read_bytes())) == path.read_bytes()
    # Once more: nothing is sent.
    status, again = said(command(api, path))
    assert (status, again["sent"], again["already_there"]) == (0, 0, 1)
    assert again["files"][0]["images"] == done["files"][0]["images"]


def test_many_files_and_a_folder_with_an_honest_summary(api: Api, tmp_path: Path) -> None:
    good = [noise(tmp_path / f"field {number}.png", 40, 10 + number) for number in range(5)]
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    folder = tmp_path / "plate"
    (folder / "day 1").mkdir(parents=True)
    for number in range(3):
        noise(folder / "day 1" / f"well {number}.png", 40, 20 + number)
    (folder / "readme.md").write_text("hello")
    bad = [tmp_path / name for name in ("notes.txt", "empty.png", "absent.png")]
    status, done = said(command(api, *good, *bad, "--source", "donor 1"))
    assert (status, done["complete"], done["kept"], done["not_kept"], done["images"]) == (1, False, 5, 3, 5)
    why = {Path(row["name"]).name: row["reason"] for row in done["files"] if row["reason"]}
    assert "empty" in why["empty.png"]
    assert "no such file" in why["absent.png"]
    assert why["notes.txt"]
    assert {row["source"] for row in api.all("images/", dataset="commons/sent", search="field")} == {"donor 1"}
    status, done = said(command(api, folder, "--layout", "plain"))
    (row,) = done["files"]
    assert (status, done["complete"], done["images"]) == (0, True, 3), done
    assert (row["import"]["state"], row["import"]["skipped"]) == ("finished", 1)
    # The zip is the same one each time.
    status, again = said(command(api, folder, "--layout", "plain"))
    assert (status, again["sent"], again["files"][0]["import_id"]) == (0, 0, row["import_id"])
    refused = command(api, folder, "--layout", "nonsense")
    assert said(refused)[0] == 1
    nobody = subprocess.run(
        [sys.executable, "-m", "cellcommons", "upload", str(good[0]), "--dataset", "commons/sent", "--hub", api.url],
        env=os.environ | {"CELLCOMMONS_TOKEN": "wrong"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert nobody.returncode == 2
    assert len(nobody.stderr.strip().splitlines()) == 1


def test_the_page_goes_on_after_a_lost_network_and_a_reload(
    hub: Hub, api: Api, browser: Browser, tmp_path: Path
) -> None:
    large = noise(tmp_path / "movie.png", 3700, 30)
    small = [noise(tmp_path / f"small {number}.png", 60, 31 + number) for number in range(3)]
    (tmp_path / "notes.txt").write_text("no image")
    account = hub.accounts["curator"]
    visitor = Visitor(browser, hub.url)
    visitor.sign_in(account["username"], account["password"])
    page = visitor.page
    is_cut = True

    def first_alone(route: Route) -> None:
        if "part=1&" in route.request.url or not is_cut:
            route.continue_()
        else:
            route.abort("connectionreset")

    try:
        page.route("**/uploads/parts/**", first_alone)
        page.goto(f"{hub.url}/datasets/commons/sent")
        page.get_by_role("button", name="Upload images").click()
        picker = page.locator("input[type=file][multiple]")
        picker.set_input_files([*small, large, tmp_path / "notes.txt"])
        for path in small:
            expect(page.locator(".upload", has_text=path.name).get_by_text("added")).to_be_visible()
        refused = page.locator(".upload", has_text="notes.txt")
        expect(refused.get_by_text("refused")).to_be_visible()
        expect(refused.get_by_role("alert")).to_contain_text("image")
        row = page.locator(".upload", has_text=large.name)
        expect(row.get_by_text("no answer, trying again")).to_be_visible()
        assert here(begun(api, large.name)) == 1
        # The route stays: one that is taken off while a page loads loses some of the page's requests, and it hangs.
        is_cut = False
        page.reload()
        later: list[str] = []
        page.on("request", lambda request: later.append(request.url) if "/uploads/parts/" in request.url else None)
        page.get_by_role("button", name="Upload images").click()
        unfinished = page.get_by_role("group", name="Not finished")
        expect(unfinished).to_contain_text(large.name)
        page.locator("input[type=file][multiple]").set_input_files([large])
        expect(page.locator(".upload", has_text=large.name).get_by_text("added")).to_be_visible()
        assert later
        assert not [url for url in later if "part=1&" in url]
        # The same files again: they are there.
        page.locator("input[type=file][multiple]").set_input_files([small[0]])
        expect(page.locator(".upload", has_text=small[0].name).get_by_text("already there")).to_be_visible()
        # Paused and cancelled.
        other = noise(tmp_path / "other.png", 3000, 40)
        page.route("**/uploads/parts/**", lambda route: None)  # never answered
        page.locator("input[type=file][multiple]").set_input_files([other])
        page.get_by_role("button", name=f"Pause {other.name}").click()
        page.get_by_role("button", name=f"Go on {other.name}").click()
        page.get_by_role("button", name=f"Cancel {other.name}").click()
        expect(page.locator(".upload", has_text=other.name).get_by_text("cancelled")).to_be_visible()
        deadline = time.monotonic() + 60
        while begun(api, other.name)["state"] != "abandoned":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        page.unroute_all(behavior="ignoreErrors")
    finally:
        visitor.close()
    digests = {sha256_hex(path.read_bytes()) for path in (large, *small)}
    store = open_store(hub.env["OBJECTS_URL"])
    assert all(store.exists(digest) for digest in digests)
