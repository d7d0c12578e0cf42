"""Images of each split as parquet: what Hugging Face datasets, pandas and duckdb read of a download."""

from __future__ import annotations

import io
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_release import items_in, serving, small_release

from cellcommons.folder import ReleaseFolder
from cellcommons.indexes import SPLITS, named_items
from cellcommons.shards import write_shards
from cellcommons.store import FolderStore

ROOT = Path(__file__).resolve().parents[2]


def test_every_image_is_in_a_shard_of_its_split(tmp_path: Path) -> None:
    items = named_items(items_in(FolderStore(tmp_path), 6, size=24))
    files = write_shards(items, 0, 1)
    assert files == write_shards(items, 0, 1)
    read = {}
    for split in SPLITS:
        table = pq.read_table(io.BytesIO(files[f"data/{split}-00000-of-00001.parquet"]))
        read |= {row["image"]: (split, row["cells"], row["image_path"]) for row in table.to_pylist()}
    assert read == {item.image: (item.split, len(item.cells), f"images/{item.path}") for item in items}


def test_a_split_without_images_in_a_part_has_no_file(tmp_path: Path) -> None:
    items = [replace(item, split="train") for item in items_in(FolderStore(tmp_path), 2, size=24)]
    assert list(write_shards(named_items(items), 3, 8)) == ["data/train-00003-of-00008.parquet"]


def test_nothing_of_ours_shadows_hugging_face_datasets() -> None:
    """A folder called datasets with an ``__init__.py`` would be imported in their place from a checkout."""
    assert not (ROOT / "datasets" / "__init__.py").exists()
    assert {path.name for path in (ROOT / "datasets").iterdir() if (path / "__init__.py").exists()} == {"cellcommons"}


def test_hugging_face_datasets_pandas_and_duckdb_read_a_download(tmp_path: Path) -> None:
    """In an environment of its own, started in the checkout: CELLCOMMONS_HF_PYTHON."""
    python = os.environ.get("CELLCOMMONS_HF_PYTHON")
    if not python:
        pytest.skip("CELLCOMMONS_HF_PYTHON names no Python that has datasets, pandas and duckdb")
    place = ReleaseFolder(tmp_path / "release")
    place.prepare("lab/classification@1")
    release = small_release(place.store, "classification")
    place.show(release, "http://127.0.0.1")
    program = (
        "import json, sys\n"
        "sys.path.insert(0, '')\n"
        "import datasets, duckdb, pandas\n"
        "folder, cache, url = sys.argv[1:]\n"
        "whole = datasets.load_dataset(folder, cache_dir=cache)\n"
        "cells = datasets.load_dataset(folder, 'cells', cache_dir=cache)['train']\n"
        "plain = datasets.load_dataset('parquet', data_files=folder + '/data/test-*.parquet', cache_dir=cache)\n"
        "counted = duckdb.sql(f\"select count(*) from '{folder}/indexes/cells/*.parquet'\").fetchall()[0][0]\n"
        "print(json.dumps([datasets.__file__, {k: list(v['image']) for k, v in whole.items()}, len(cells),\n"
        "    len(plain['train']), counted, len(pandas.read_parquet(folder + '/indexes/cells')),\n"
        "    len(pandas.read_parquet(url))]))\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    with serving(release) as hub:
        digest = dict(release.files())["indexes/cells/00000.parquet"].sha256
        url = f"{hub.address}/static/objects/sha256/{digest[:2]}/{digest[2:4]}/{digest}"
        done = subprocess.run(
            [python, "-c", program, str(place.root), str(tmp_path / "cache"), url],
            capture_output=True, text=True, timeout=180, check=False, cwd=ROOT, env=environment,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    theirs, images, *counts = json.loads(done.stdout.splitlines()[-1])
    assert "site-packages" in theirs
    assert images == {split: [item.image for item in release.items(split)] for split in SPLITS}
    cells = release.manifest.counts.cells
    assert counts == [cells, len(images["test"]), cells, cells, cells]
