"""The hub itself, through its own door: every part well, an account that signs in, a page in a real browser."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.journey


def status(hub):
    command = [sys.executable, str(ROOT / "hub"), "status", "--json", "--home", str(hub.home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def wait_until_well(hub, *, seconds=90):
    deadline = time.monotonic() + seconds
    code, report = status(hub)
    while code != 0 and time.monotonic() < deadline:
        time.sleep(0.5)
        code, report = status(hub)
    assert code == 0, report
    return report


def test_every_part_is_well(hub):
    report = wait_until_well(hub)
    assert set(report["parts"]) == {"disk", "postgres", "broker", "objects", "web", "cpu_worker", "gpu_worker"}
    assert report["url"] == hub.url


def test_a_worker_that_is_killed_comes_back(hub):
    before = wait_until_well(hub)["parts"]["cpu_worker"]["detail"]
    os.kill(int(before.split()[1].rstrip(",")), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while status(hub)[1]["parts"]["cpu_worker"]["detail"] == before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "restarted 1 times" in wait_until_well(hub)["parts"]["cpu_worker"]["detail"]


def test_a_second_up_on_this_home_is_refused(hub):
    command = [sys.executable, str(ROOT / "hub"), "up", "--home", str(hub.home), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert hub.url in done.stderr


def test_the_operator_signs_in(hub):
    account = hub.accounts["curator"]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"{hub.url}/api/v1/auth/me/", timeout=30) as response:
        token = json.load(response)["csrf_token"]
    body = json.dumps({"username": account["username"], "password": account["password"]}).encode()
    headers = {"Content-Type": "application/json", "X-CSRFToken": token}
    request = urllib.request.Request(f"{hub.url}/api/v1/auth/sign-in/", data=body, headers=headers)
    with opener.open(request, timeout=30) as response:
        assert json.load(response)["user"]["username"] == account["username"]
        # Browsers share cookies between ports of one host; two hubs must not share a session.
        assert f"_{hub.url.rpartition(':')[2]}=" in response.headers["Set-Cookie"]


def test_the_gpu_worker_holds_no_credentials(hub):
    pid = json.loads((hub.home / "hub.json").read_text())["services"]["gpu_worker"]["pid"]
    names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
    assert b"BROKER_URL" in names
    assert not names & {b"DATABASE_URL", b"SECRET_KEY"}


def test_the_page_opens_in_a_browser(hub, browser):
    context = browser.new_context()
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    response = page.goto(hub.url)
    page.wait_for_selector("input[type=password]", timeout=30_000)
    assert response.status == 200
    assert errors == []
    context.close()
