"""Images in, images out; what is bad is refused with a reason and leaves nothing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import sending
import tifffile
from django.utils import timezone
from PIL import Image as Picture
from rest_framework.test import APIClient

from backend.core.garbage import collect_garbage
from backend.imaging.models import Dataset, Image, Import, Source, Truth, Upload
from backend.imaging.services.imports import run_import, take_up_imports
from backend.imaging.services.uploads import sweep_uploads
from backend.people.models import Person
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.store import ObjectStore

PIXELS = np.random.default_rng(1).integers(0, 4000, (3, 70, 90)).astype(np.uint16)


def tiff(pixels: np.ndarray = PIXELS, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **({"photometric": "minisblack"} | options))
    return buffer.getvalue()


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def nucleus(size: int = 64, mask_size: int = 0) -> tuple[bytes, bytes]:
    """An image and the mask of one nucleus in it."""
    image = np.zeros((size, size), np.uint8)
    image[10:30, 10:30] = 200
    mask = np.zeros((mask_size or size,) * 2, np.uint8)
    mask[10:30, 10:30] = 255
    return png(image), png(mask)


@pytest.fixture
def upload(
    curator: Person,
    dataset: Dataset,
    client_of: Callable[..., APIClient],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> Callable[..., Any]:
    def send(data: bytes, filename: str, **fields: str) -> Any:
        return sending.upload(client_of(curator), data, filename, commits=django_capture_on_commit_callbacks, **fields)

    return send


@pytest.fixture
def send_zip(upload: Callable[..., Any]) -> Callable[..., Any]:
    def send(data: bytes, layout: str = "dsb2018", **fields: Any) -> Any:
        return upload(data, "batch.zip", purpose="import", layout=layout, **fields)

    return send


@pytest.mark.django_db
def test_an_ome_tiff_becomes_an_image(
    upload: Callable[..., Any], annotator: Person, client_of: Callable[..., APIClient], store: ObjectStore
) -> None:
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "actin", "tubulin"]},
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.5,
    }
    data = tiff(ome=True, metadata=metadata)
    made = upload(data, "well A1.ome.tiff", source="plate 7", stratum="fluorescence", image_name="A1")
    assert (made.data["state"], made.data["refused"], made.data["error"]) == ("kept", [], None)
    (row,) = made.data["images"]
    assert (row["height"], row["width"], row["depth"], row["frames"], row["dtype"]) == (70, 90, 1, 1, "uint16")
    assert row["channels"] == ["DAPI", "actin", "tubulin"]
    assert row["pixel_size_um"] == {"y": 0.5, "x": 0.5, "z": None}
    assert (row["name"], row["source"], row["stratum"], row["dataset"]) == (
        "A1", "plate 7", "fluorescence", "commons/cells",
    )  # fmt: skip
    image = Image.objects.get()
    assert store.get(image.original_sha256) == data
    np.testing.assert_array_equal(read_image_tree(store, row["tree"]).data, PIXELS)
    client = client_of(annotator)
    assert client.get(f"/api/v1/images/{row['id']}/").data == row
    preview = client.get(row["preview_url"], headers={"Accept": "image/png"})
    assert preview["Content-Type"] == "image/png"
    assert preview.content.startswith(b"\x89PNG")
    root = client.get(f"{row['zarr_url']}/zarr.json")
    assert root.json()["attributes"]["ome"]["version"] == "0.5"
    assert client.head(f"{row['zarr_url']}/zarr.json").status_code == 200
    assert client.get(f"{row['zarr_url']}/9/zarr.json").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_one_to_six_channels(upload: Callable[..., Any], dtype: type, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (channels, 40, 50)).astype(dtype)
    made = upload(tiff(pixels, metadata={"axes": "CYX"}, ome=True), "x.ome.tif")
    assert made.data["state"] == "kept", made.data
    (row,) = made.data["images"]
    assert len(row["channels"]) == channels
    assert row["dtype"] == np.dtype(dtype).name


def bomb() -> bytes:
    """A TIFF of a few hundred bytes that declares 300,000 x 300,000 pixels."""
    data = bytearray(tiff(np.zeros((8, 8), np.uint8)))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = file.pages[0].tags
        offsets = [tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
        kinds = [tags[name].dtype for name in ("ImageWidth", "ImageLength")]
    for offset, kind in zip(offsets, kinds, strict=True):
        width = 2 if kind == tifffile.DATATYPE.SHORT else 4
        data[offset : offset + width] = (60_000 if width == 2 else 300_000).to_bytes(width, "little")
    return bytes(data)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (tiff()[:4000], "cut.tif", "unreadable-file"),
        (bomb(), "bomb.tif", "too-large"),
        (png(np.zeros((9, 9), np.uint8)), "picture.tif", "wrong-format"),
        (tiff(), "picture.png", "wrong-format"),
        (b"hello, this is text", "notes.txt", "wrong-format"),
    ],
    ids=["truncated", "bomb", "png as tif", "tif as png", "text"],
)
def test_bad_files(upload: Callable[..., Any], store: ObjectStore, data: bytes, name: str, code: str) -> None:
    refused = upload(data, name)
    assert refused.data["state"] == "refused"
    error = refused.data["error"]
    assert error["code"] == code, error
    assert name in error["where"]
    assert error["detail"]
    assert error["remedy"]
    assert not Image.objects.exists()
    assert not Source.objects.exists()
    # Nothing names the bytes any more once the record of the refusal is gone.
    Upload.objects.update(touched=timezone.now() - timedelta(days=8))
    sweep_uploads()
    assert not Upload.objects.exists()
    assert collect_garbage(store, grace_seconds=-60, dry_run=False).named == 0
    assert list(store.digests()) == []


@pytest.mark.django_db
def test_the_same_bytes_again(upload: Callable[..., Any]) -> None:
    first = upload(tiff(), "a.tif")
    again = upload(tiff(), "b.tif")
    assert (again.data["state"], again.data["already_there"], first.data["already_there"]) == ("kept", True, False)
    assert again.data["images"] == first.data["images"]
    same_name = upload(tiff(PIXELS[:, ::-1]), "a.tif")
    assert (same_name.data["state"], same_name.data["error"]["code"]) == ("refused", "already-there")
    assert same_name.data["error"]["image"] == first.data["images"][0]["id"]
    assert "name" in same_name.data["error"]["detail"]
    assert Image.objects.count() == 1


def two_series(second: np.ndarray = PIXELS[0, :40, :50]) -> bytes:
    """An OME-TIFF of two images of different sizes."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, ome=True) as file:
        for pixels, name in ((PIXELS[0], "well A1"), (second, "well A2")):
            file.write(pixels, photometric="minisblack", metadata={"axes": "YX", "Name": name})
    return buffer.getvalue()


@pytest.mark.django_db
def test_each_image_of_a_file_comes_in_and_the_original_is_kept_once(
    upload: Callable[..., Any], store: ObjectStore
) -> None:
    data = two_series()
    made = upload(data, "plate.ome.tif")
    assert made.data["state"] == "kept", made.data
    assert [row["name"] for row in made.data["images"]] == ["plate.ome well A1", "plate.ome well A2"]
    assert [row["part"] for row in made.data["images"]] == ["well A1", "well A2"]
    assert [(row["height"], row["width"]) for row in made.data["images"]] == [(70, 90), (40, 50)]
    images = list(Image.objects.all())
    assert len({image.original_sha256 for image in images}) == 1
    assert store.get(images[0].original_sha256) == data
    # They come from one specimen as far as anybody knows, and so never straddle a split.
    assert [(source.name, source.known) for source in Source.objects.all()] == [("plate.ome", False)]
    again = upload(data, "again.ome.tif")
    assert (again.data["already_there"], len(again.data["images"])) == (True, 2)


@pytest.mark.django_db
def test_images_of_a_file_are_imported_each(send_zip: Callable[..., Any]) -> None:
    sent = send_zip(zipped({"plate.ome.tif": two_series(), "one.tif": tiff()}), "plain")
    run_import(record_id=sent.data["import_id"])
    record = Import.objects.get()
    assert (record.state, record.found, record.imported, record.skipped) == ("finished", 3, 3, 0)
    parts = sorted((image.original_name, image.part) for image in Image.objects.all())
    assert parts == [("one.tif", ""), ("plate.ome.tif", "well A1"), ("plate.ome.tif", "well A2")]


@pytest.mark.django_db
def test_above_the_upload_limit(upload: Callable[..., Any], settings: Any) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1000
    assert upload(tiff(), "large.tif").status_code == 413


@pytest.mark.django_db
def test_a_zip_is_imported_with_its_truth(
    send_zip: Callable[..., Any], curator: Person, client_of: Callable[..., APIClient]
) -> None:
    image, mask = nucleus()
    files = {"wrap/n1/images/n1.png": image, "wrap/n1/masks/m.png": mask}
    data = zipped(files)  # says when it was packed
    sent = send_zip(data)
    assert Import.objects.get(pk=sent.data["import_id"]).state == "waiting"
    run_import(record_id=sent.data["import_id"])
    run_import(record_id=sent.data["import_id"])  # delivered twice
    row = client_of(curator).get(f"/api/v1/imports/{sent.data['import_id']}/").data
    assert (row["state"], row["found"], row["imported"], row["skipped"], row["error"]) == ("finished", 1, 1, 0, "")
    truth = Truth.objects.get()
    assert (truth.image.name, truth.cells) == ("n1", 1)
    # The same zip: nothing is done twice.
    same = send_zip(data)
    assert (same.data["already_there"], same.data["import_id"]) == (True, sent.data["import_id"])
    # Another zip with the same image: counted, said, harmless.
    again = send_zip(zipped(files | {"wrap/more.txt": b"1"}))
    run_import(record_id=again.data["import_id"])
    record = Import.objects.get(pk=again.data["import_id"])
    assert (record.imported, record.skipped) == (0, 1)
    assert [(row.name, row.outcome) for row in record.files.all()] == [("n1", "already_there")]


@pytest.mark.django_db
def test_a_mask_of_another_size_is_named_and_its_image_left_out(send_zip: Callable[..., Any]) -> None:
    good, bad = nucleus(), nucleus(64, mask_size=48)
    files = {
        "a/images/a.png": good[0], "a/masks/m.png": good[1],
        "b/images/b.png": png(np.eye(64, dtype=np.uint8)), "b/masks/m.png": bad[1],
    }  # fmt: skip
    sent = send_zip(zipped(files))
    run_import(record_id=sent.data["import_id"])
    record = Import.objects.get()
    assert (record.state, record.imported, record.skipped) == ("finished", 1, 1)
    skipped = record.files.get(outcome="refused")
    assert (skipped.name, skipped.kind) == ("b", "Image and labels differ in shape")
    assert skipped.reason.startswith("b/masks/m.png: ")
    assert "48 x 48" in skipped.reason
    assert skipped.remedy
    assert [image.name for image in Image.objects.all()] == ["a"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "layout", "code"),
    [
        (zipped({"../evil.png": b"x"}), "dsb2018", "unsafe-archive"),
        (zipped({"/etc/evil.png": b"x"}), "dsb2018", "unsafe-archive"),
        (zipped({"a.png": b"x"})[:30], "dsb2018", "unreadable-file"),
        (b"no zip at all", "dsb2018", "wrong-format"),
        (zipped({"a.png": b"x"}), "no-such-layout", "unknown-layout"),
    ],
    ids=["leaves its folder", "absolute", "truncated", "no zip", "unknown layout"],
)
def test_bad_archives_are_refused_at_once(send_zip: Callable[..., Any], data: bytes, layout: str, code: str) -> None:
    refused = send_zip(data, layout)
    if code == "unknown-layout":
        # Before a byte of it is sent.
        assert (refused.status_code, refused.data["type"], refused.data["where"]) == (
            400,
            f"urn:cellcommons:{code}",
            layout,
        )
        assert not Upload.objects.exists()
    else:
        assert (refused.data["state"], refused.data["error"]["code"]) == ("refused", code)
        assert refused.data["error"]["where"] == "batch.zip"
    assert not Import.objects.exists()


@pytest.mark.django_db
def test_a_folder_that_does_not_follow_the_layout_fails_with_a_reason(send_zip: Callable[..., Any]) -> None:
    sent = send_zip(zipped({"readme.txt": b"hello"}))
    run_import(record_id=sent.data["import_id"])
    record = Import.objects.get()
    assert record.state == "failed"
    assert "layout" in record.error


@pytest.mark.django_db(transaction=True)
def test_the_sweep_takes_up_what_no_worker_took(send_zip: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("backend.celery.app.send_task", lambda name, args, **_: sent.append((name, args)))
    record = Import.objects.get(pk=send_zip(zipped({"n/images/n.png": nucleus()[0]})).data["import_id"])
    assert take_up_imports() == 0
    Import.objects.update(created=record.created.replace(year=2020))
    assert take_up_imports() == 1
    Import.objects.update(state="running", heartbeat=record.created.replace(year=2020))
    assert take_up_imports() == 1
    imports = [args for name, args in sent if name == "imaging.run_import"]
    assert imports == [[str(record.pk)]] * 3
    run_import(record_id=str(record.pk))
    assert Import.objects.get().state == "finished"
    assert take_up_imports() == 0


@pytest.mark.django_db
def test_datasets_and_filters(
    make_image: Callable[..., Image], curator: Person, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    make_image("alpha", source="slide 1", stratum="dim")
    make_image("beta", source="slide 2")
    make_image("gamma", source="slide 2")
    client = client_of(annotator)
    row = client.get("/api/v1/datasets/commons/cells/").data
    assert (row["images"], row["sources"], row["licence"]) == (3, 2, "CC0-1.0")

    def names(query: str) -> list[str]:
        return [image["name"] for image in client.get(f"/api/v1/images/?{query}").data["results"]]

    assert names("") == ["alpha", "beta", "gamma"]
    assert names("search=slide 2") == ["beta", "gamma"]
    assert names("search=ALPH") == ["alpha"]
    assert names("stratum=dim") == ["alpha"]
    assert names("dataset=none") == []
    assert names("page_size=2&page=2") == ["gamma"]
    assert client.post("/api/v1/datasets/", {"slug": "x", "title": "X"}).status_code == 403
    made = client_of(curator).post("/api/v1/datasets/", {"slug": "x", "title": "X"})
    assert (made.status_code, made.data["images"]) == (201, 0)
    assert client_of(curator).post("/api/v1/datasets/", {"slug": "x", "title": "X"}).status_code == 409
