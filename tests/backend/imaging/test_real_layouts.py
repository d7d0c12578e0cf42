"""Real folders of every task come into the hub: what people are given, what is kept from them, what stays out."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.annotation.kinds.registry import KINDS
from backend.annotation.services import create_campaign, open_campaign
from backend.imaging.layouts import hub_layout
from backend.imaging.models import Companion, Dataset, Image, Import, Truth
from backend.imaging.services.folders import import_folder
from cellcommons.links import movie_of
from cellcommons.reading import read_reading
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree

# folder, layout, images to take, companions of each, has truth
FOLDERS = [
    ("cls_det_bccd_voc", "voc", 3, {"boxes"}, True),
    ("seg_dsb2018_fixes", "dsb2018", 3, set(), True),
    ("cls_sbs_translocation", "plate", 4, set(), True),
    ("crowd_seg_bubil", "bubil", 2, set(), True),
    ("crowd_seg_cfos_experts", "cfos_experts", 2, set(), True),
    ("track_usiigaci_t98g", "usiigaci", 1, {"detections"}, True),
    ("track_nist_lineage", "nist_lineage", 1, {"detections"}, True),
    ("aug_isl_labelfree", "isl", 1, {"target"}, False),
    ("aug_denoise_fmd_confocal", "paired", 2, {"target"}, False),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("folder", "layout", "count", "companions", "kept"), FOLDERS)
def test_a_real_folder_comes_in_and_can_be_asked_about(
    real_data: Path,
    dataset: Dataset,
    store: ObjectStore,
    folder: str,
    layout: str,
    count: int,
    companions: set[str],
    kept: bool,
) -> None:
    record = Import.objects.create(dataset=dataset, layout=layout, limit=count)
    record = import_folder(record=record, path=real_data / folder)
    assert (record.state, record.imported) == ("finished", count)
    for image in Image.objects.all():
        assert {companion.kind for companion in image.companions.all()} == companions
        assert Truth.objects.filter(image=image).exists() == kept
    dataset.refresh_from_db()
    task = hub_layout(layout).task
    campaign = create_campaign(slug="real", title="Real", dataset=dataset, task=task)
    assert (campaign.ontology is not None) == KINDS[task].needs_classes
    assert open_campaign(campaign=campaign).items.count() == count


@pytest.mark.django_db
def test_the_real_movies_truth_is_links_over_masks_without_identity(
    real_data: Path, dataset: Dataset, store: ObjectStore
) -> None:
    record = Import.objects.create(dataset=dataset, layout="nist_lineage", limit=1)
    import_folder(record=record, path=real_data / "track_nist_lineage")
    masks = read_reading(store, Companion.objects.get(kind="detections").tree_sha256)
    links = read_reading(store, Truth.objects.get().tree_sha256).values
    movie = movie_of(masks.raster, links)
    assert len(movie.lineage.divisions) == 2
    assert len(movie.lineage.tracks) == Truth.objects.get().cells


@pytest.mark.django_db
def test_every_file_of_a_real_movie_is_kept_and_a_second_import_finds_it_there(
    real_data: Path, dataset: Dataset, store: ObjectStore
) -> None:
    def bring() -> Import:
        record = Import.objects.create(dataset=dataset, layout="usiigaci", limit=1)
        return import_folder(record=record, path=real_data / "track_usiigaci_t98g")

    assert bring().imported == 1
    image = Image.objects.get()
    kept = load_tree(store, image.original_sha256).entries
    assert len(kept) == image.frames == 10
    assert all(store.size(entry.sha256) == entry.size for entry in kept)
    again = bring()
    assert (again.imported, again.skipped) == (0, 1)
    assert again.files.get().outcome == "already_there"


@pytest.mark.django_db
def test_folders_of_ome_zarr_come_in_and_volumes_of_labels_are_refused(
    real_data: Path, dataset: Dataset, store: ObjectStore
) -> None:
    record = Import.objects.create(dataset=dataset, layout="ome_zarr")
    record = import_folder(record=record, path=real_data / "fmt_mixed" / "ome_zarr")
    assert (record.found, record.imported) == (9, 7)
    assert all("a volume" in row.reason for row in record.files.filter(outcome="refused"))
    image = Image.objects.get(axes="tczyx", shape=[4, 2, 3, 64, 64])
    assert any(entry.path.endswith(".zattrs") for entry in load_tree(store, image.original_sha256).entries)
