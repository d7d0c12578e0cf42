"""The cards that machines read: valid by schemas of ours, and by their own packages where those are installed apart."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import small_release

from cellcommons.canonical import sha256_hex
from cellcommons.cards.citation import CITATION_SCHEMA, citation_file
from cellcommons.cards.datacite import DATACITE_SCHEMA, datacite
from cellcommons.cards.licences import LICENCES
from cellcommons.cards.release_documents import DOCUMENTS, release_documents
from cellcommons.folder import ReleaseFolder
from cellcommons.indexes import SCHEMAS
from cellcommons.release import Release
from cellcommons.store import FolderStore

TASKS = ("instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented")


def downloaded(folder: Path, task: str, **changes: object) -> Release:
    """A release laid out as a download."""
    place = ReleaseFolder(folder)
    place.prepare(f"{task.replace('_', '-')}@1")
    release = small_release(place.store, task, **changes)
    place.show(release, "http://127.0.0.1")
    return release


@pytest.fixture(scope="module", params=TASKS)
def download(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads") / request.param
    parent = small_release(ReleaseFolder(folder).store, request.param, title="Before").digest
    downloaded(folder, request.param, licence="CC-BY-4.0", parent=parent)
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return small_release(FolderStore(tmp_path_factory.mktemp("store")), count=3)


def test_the_cards_follow_from_the_sealed_manifest_alone(download: Path) -> None:
    release = ReleaseFolder(download).load()
    written = release_documents(release.manifest)
    assert tuple(written) == DOCUMENTS
    for name, data in written.items():
        assert (download / name).read_bytes() == data
        assert release.manifest.files[name].sha256 == sha256_hex(data)
    assert len(release.manifest.to_bytes()) < 3000
    assert ReleaseFolder(download).verify().digest == release.digest


def test_sealing_twice_gives_the_same_bytes(release: Release, tmp_path: Path) -> None:
    again = small_release(FolderStore(tmp_path), count=3)
    assert again.digest == release.digest


def test_the_documents_are_valid_by_our_schemas(download: Path) -> None:
    jsonschema.validate(json.loads((download / "datacite.json").read_bytes()), DATACITE_SCHEMA)
    jsonschema.validate(yaml.safe_load((download / "CITATION.cff").read_text()), CITATION_SCHEMA)


@given(
    st.text(min_size=1, max_size=80).filter(str.strip),
    st.sampled_from([*LICENCES, "LicenseRef-ours", "EUPL-1.2"]),
    st.sampled_from([None, "c" * 64]),
)
@settings(max_examples=60)
def test_no_title_or_licence_makes_them_invalid(release: Release, title: str, licence: str, parent: str | None) -> None:
    manifest = replace(release.manifest, title=title, licence=licence, parent=parent)
    jsonschema.validate(datacite(manifest), DATACITE_SCHEMA)
    jsonschema.validate(yaml.safe_load(citation_file(manifest)), CITATION_SCHEMA)
    for data in release_documents(manifest).values():
        data.decode()


def test_croissant_names_every_table_with_its_sha256_and_columns(download: Path) -> None:
    document = json.loads((download / "croissant.json").read_bytes())
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    files = {row["@id"]: row for row in document["distribution"]}
    held = {name: list((download / "indexes" / name).glob("*.parquet")) for name in SCHEMAS}
    tables = {name: schema for name, schema in SCHEMAS.items() if held[name]}
    assert {"images", "splits", "sources", "cells"} <= set(tables)
    assert {row["includes"] for row in files.values() if row["@type"] == "cr:FileSet"} == {
        f"indexes/{name}/*.parquet" for name in tables
    }
    for path in ("README.md", "splits.json", "summary.json"):
        row = files[path]
        assert sha256_hex((download / path).read_bytes()) == row["sha256"]
        assert row["contentSize"] == f"{(download / path).stat().st_size} B"
    records = {row["@id"]: row for row in document["recordSet"]}
    assert set(records) == {*tables, "split_names"}
    ids = {field["@id"] for row in records.values() for field in row["field"]} | set(files)
    for name, schema in tables.items():
        assert [field["name"] for field in records[name]["field"]] == schema.names
        for field in records[name]["field"]:
            assert field["source"]["fileSet"]["@id"] in ids
            assert "references" not in field or field["references"]["field"]["@id"] in ids
    assert [row["split_names/name"] for row in records["split_names"]["data"]] == ["train", "validation", "test"]


def test_the_crate_lists_files_that_are_there(download: Path) -> None:
    graph = {row["@id"]: row for row in json.loads((download / "ro-crate-metadata.json").read_bytes())["@graph"]}
    assert graph["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    for part in graph["./"]["hasPart"]:
        path = download / part["@id"]
        assert path.is_dir() if part["@id"].endswith("/") else path.is_file()
        if path.is_file():
            assert graph[part["@id"]]["sha256"] == sha256_hex(path.read_bytes())
    referred = [graph["./"][name]["@id"] for name in ("license", "author", "publisher", "identifier")]
    assert all(name in graph for name in referred)


def run(variable: str, packages: str, program: str, *arguments: object) -> str:
    """The last line that ``program`` prints in the environment which ``variable`` names."""
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python that has {packages} (pip install {packages}, elsewhere)")
    done = subprocess.run(
        [python, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_mlcroissant_accepts_it_and_reads_every_table(download: Path) -> None:
    """In an environment of its own, as it brings pandas and rdflib: CELLCOMMONS_CROISSANT_PYTHON."""
    program = (
        "import json, sys, mlcroissant\n"
        "dataset = mlcroissant.Dataset(jsonld=sys.argv[1])\n"
        "issues = dataset.metadata.ctx.issues\n"
        "rows = {r.uuid: list(dataset.records(r.uuid)) for r in dataset.metadata.record_sets}\n"
        "splits = [r['splits/split'].decode() for r in rows['splits']]\n"
        "rows = {name: len(found) for name, found in rows.items()}\n"
        "print(json.dumps([sorted(issues.errors), sorted(issues.warnings), rows, splits]))\n"
    )
    said = run("CELLCOMMONS_CROISSANT_PYTHON", "mlcroissant pyarrow", program, download / "croissant.json")
    errors, warnings, rows, splits = json.loads(said)
    assert (errors, warnings) == ([], [])
    release = ReleaseFolder(download).load()
    indexes = release.manifest.indexes
    assert rows == {"split_names": 3} | {name: index.rows for name, index in indexes.items() if index.rows}
    assert splits == [item.split for item in release.items()]


def test_the_crate_holds_to_every_requirement_of_its_specification(download: Path) -> None:
    """By rocrate-validator; the JSON-LD context that it would fetch is the one that the package rocrate brings."""
    program = (
        "import io, json, pathlib, sys, requests, rocrate\n"
        "from rocrate_validator import services\n"
        "context = (pathlib.Path(rocrate.__file__).parent / 'data' / 'ro-crate.jsonld').read_bytes()\n"
        "def send(session, request, **options):\n"
        "    answer = requests.Response()\n"
        "    answer.url, answer.raw = request.url, io.BytesIO(context)\n"
        "    answer.status_code = 200 if request.url.endswith('/ro/crate/1.2/context') else 404\n"
        "    answer.headers['Content-Type'] = 'application/ld+json'\n"
        "    return answer\n"
        "requests.Session.send = send\n"
        "asked = {'rocrate_uri': sys.argv[1], 'profile_identifier': 'ro-crate-1.2', 'no_cache': True}\n"
        "found = services.validate({**asked, 'requirement_severity': 'REQUIRED'})\n"
        "print(json.dumps([found.passed(), [issue.message for issue in found.get_issues()]]))\n"
    )
    assert json.loads(run("CELLCOMMONS_CARDS_PYTHON", "rocrate roc-validator", program, download)) == [True, []]


def test_datacite_cff_and_rocrate_accept_theirs(download: Path) -> None:
    """In an environment of its own, as cffconvert pins an old jsonschema: CELLCOMMONS_CARDS_PYTHON."""
    program = (
        "import json, pathlib, sys\n"
        "from cffconvert import Citation\n"
        "from datacite import schema45\n"
        "from rocrate.rocrate import ROCrate\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "schema45.validator.validate(json.loads((folder / 'datacite.json').read_bytes()))\n"
        "Citation((folder / 'CITATION.cff').read_text()).validate()\n"
        "crate = ROCrate(folder)\n"
        "files = [e.id for e in crate.data_entities if e.type == 'File']\n"
        "print(json.dumps([crate.version, files, str(crate.root_dataset['license'].id)]))\n"
    )
    said = run("CELLCOMMONS_CARDS_PYTHON", "datacite cffconvert rocrate", program, download)
    version, files, licence = json.loads(said)
    assert version == "1.2"
    assert {"README.md", "splits.json"} <= set(files)
    assert licence == "https://spdx.org/licenses/CC-BY-4.0"
