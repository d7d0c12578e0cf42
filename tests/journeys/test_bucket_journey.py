"""A hub whose objects are in a bucket goes round: import, readings, release, training, and the download verifies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from s3_server import S3Server

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from backend.rehearsal.kinds.registry import get_kind
from backend.rehearsal.loop import Loop, Plan
from backend.rehearsal.pool import Ask
from backend.rehearsal.report import make_report
from cellcommons.client import download
from cellcommons.release import open_release
from cellcommons.store import open_store
from tests.backend.rehearsal.folders import write_bowl

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.journey


def test_round_the_loop_on_a_bucket(
    bucket_hub: Hub, s3_server: S3Server, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any("yours: OBJECTS_URL" in line for line in said)
    kind = get_kind("instance_segmentation")
    (tmp_path / "made").mkdir()
    (tmp_path / "work").mkdir()
    pool = kind.draw_pool(Ask("dsb2018", write_bowl(tmp_path / "bowl", 4), 4, 0, tmp_path / "made"))
    account = bucket_hub.accounts["curator"]
    curator = Api(bucket_hub.url, account["username"], account["password"])
    loop = Loop(curator, kind, pool, Plan(2, 1, 0, 2, (3.0, 3.0), prefix="bucket-"), tmp_path / "work", print)
    loop.run()
    report = make_report(loop, seconds=loop.training_seconds)
    assert (report["images"], report["annotations"], report["lost"]) == (4, 8, 0)
    release = report["releases"][0]

    got = download(release["name"], tmp_path / "got", base_url=bucket_hub.url)
    assert got.manifest_sha256 == release["manifest_sha256"]
    assert got.images == 4
    done = subprocess.run(
        [sys.executable, "-m", "cellcommons.cli", "verify", str(tmp_path / "got")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

    # All of it is in the bucket, and nothing beside.
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)
    store = open_store(s3_server.address("journey"))
    assert open_release(store, release["manifest_sha256"]).verify().count > 10
    assert not [path for path in (bucket_hub.home / "objects").rglob("*") if path.is_file()]


def test_the_parts_are_well_and_hold_no_secret_in_their_records(bucket_hub: Hub, s3_server: S3Server) -> None:
    command = [sys.executable, str(ROOT / "hub"), "status", "--json", "--home", str(bucket_hub.home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["parts"]["objects"] == {"ok": True, "detail": s3_server.address("journey")}
    secret = s3_server.env["AWS_SECRET_ACCESS_KEY"]
    records = [bucket_hub.home / "hub.json", *(bucket_hub.home / "logs").iterdir()]
    assert not [path for path in records if secret in path.read_text(errors="replace")]
