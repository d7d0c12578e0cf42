"""Tracking by order: a release of linked movies in, a linker and its measures out; drafts of links; what goes wrong."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from order_desk import OrderDesk
from PIL import Image

from cellcommons.axes import PixelSize
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_label_stack, write_image
from cellcommons.kinds.tracking import track_rows
from cellcommons.links import detections_of, edges_of_links, movie_of
from cellcommons.measures.tracking import link_counts
from cellcommons.orders import ImageRef
from cellcommons.reading import Reading, read_reading, write_reading
from cellcommons.release import ReleaseItem
from cellcommons.synthetic.motion import FAST, Density
from cellcommons.synthetic.movies import generate_movie
from ml_worker.channel import Stopped
from ml_worker.checkpoint import CheckpointConfig, save_checkpoint
from ml_worker.decoding.flows import DecodeConfig
from ml_worker.kinds.registry import kind_of_task
from ml_worker.kinds.tracking import TRACKING
from ml_worker.networks.unet import NetworkConfig, build_network
from ml_worker.tracking.detect import raster_order

QUICK = {"max_steps": 200, "batch": 512}
SPLITS = ("train", "train", "validation", "test", "test")


def add_movie(
    desk: OrderDesk, seed: int, split: str, *, density: Density | str = FAST, frames: int = 9, linked: bool = True
) -> ReleaseItem:
    movie = generate_movie(seed, density=density, frames=frames, height=160, width=160)
    masks, links = detections_of(movie.truth)
    number = len(desk.items)
    image = ImageData(movie.image, "tcyx", movie.channels, PixelSize(0.65, 0.65), seconds_per_frame=300.0)
    values = links if linked else {}
    item = ReleaseItem(
        image=f"id{number}",
        name=f"movie {number}",
        tree=write_image(desk.store, image).digest,
        labels=write_reading(desk.store, Reading(values=values)).digest,
        split=split,
        source=f"source {number}",
        stratum="fast" if density is FAST else str(density),
        channels=movie.channels,
        height=160,
        width=160,
        cells=track_rows(movie_of(masks, values)),
        companions={"detections": write_reading(desk.store, Reading(masks), PixelSize(0.65, 0.65)).digest},
    )
    desk.items.append(item)
    return item


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> OrderDesk:
    desk = OrderDesk(tmp_path_factory.mktemp("objects"), "tracking")
    for seed, split in enumerate(SPLITS, start=400):
        add_movie(desk, seed, split)
    return desk


@pytest.fixture(scope="module")
def checkpoint(movies: OrderDesk) -> str:
    return movies.train("t0", QUICK).checkpoint or ""


def test_links_are_learnt_and_measured_beside_overlap(movies: OrderDesk) -> None:
    report = movies.train("t1", QUICK)
    assert (report.status, report.error) == ("finished", "")
    assert report.headline == "link_f1"
    measures, baseline = report.measures, report.baseline
    assert measures["images"] == baseline["images"] == 2
    assert measures["links"] == sum(
        len(read_reading(movies.store, item.labels).values) for item in movies.items if item.split == "test"
    )
    assert measures["link_f1"] > baseline["link_f1"] + 0.03
    assert 0 < measures["link_f1_low"] <= measures["link_f1"] <= measures["link_f1_high"] <= 1
    assert measures["det"] == measures["seg"] == 1
    assert 0.5 < baseline["tra"] < measures["tra"] <= 1
    assert {"lnk", "bio", "division_f1"} <= set(measures)
    assert {"nearest_link_f1", "global_program_link_f1"} <= set(baseline)
    assert any("DET and SEG are 1" in note for note in report.notes)
    assert not any("Easy data" in note for note in report.notes)
    for score in report.images:
        picture = Image.open(io.BytesIO(movies.store.get(score.picture)))
        assert picture.format == "PNG"
        assert picture.width > 2.5 * picture.height
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 60
        item = next(item for item in movies.items if item.image == score.image)
        found = edges_of_links(read_reading(movies.store, score.labels).values)
        true = edges_of_links(read_reading(movies.store, item.labels).values)
        assert link_counts(true, found).f1 == pytest.approx(score.measures["link_f1"], abs=1e-4)
    assert report.images[0].measures["link_f1"] >= report.images[1].measures["link_f1"]


def test_drafts_link_the_given_detections(movies: OrderDesk, checkpoint: str) -> None:
    report = movies.predict("p1", checkpoint)
    assert (report.status, report.failures) == ("finished", {})
    for draft, item in zip(report.predictions, movies.items, strict=True):
        reading = read_reading(movies.store, draft.labels)
        assert reading.raster is None
        masks = read_label_stack(movies.store, item.companions["detections"])
        movie = movie_of(masks, reading.values)
        assert draft.cells == len(movie.lineage.tracks)
        assert set(reading.values) <= set(draft.cell_scores)
        later = {f"{frame}:{cell}" for frame in range(1, len(masks)) for cell in np.unique(masks[frame]) if cell}
        assert set(draft.cell_scores) == later
        sure = np.array(list(draft.cell_scores.values()))
        assert draft.uncertainty == pytest.approx((sure < 0.9).mean(), abs=0.01)
        assert draft.companions == {}


def test_easy_movies_are_said_to_be_easy(tmp_path: Path) -> None:
    desk = OrderDesk(tmp_path, "tracking")
    for seed, split in ((0, "train"), (1, "test")):
        add_movie(desk, 420 + seed, split, density="easy", frames=4)
    report = desk.train("easy", {"max_steps": 60})
    assert report.status == "finished"
    assert any(note.startswith("Easy data: overlap linking reaches link F1") for note in report.notes)
    assert any("No validation movie" in note for note in report.notes)
    divided = report.measures["divisions"] > 0
    assert divided != any("No division in the test movies" in note for note in report.notes)


def test_a_cut_run_goes_on_and_gives_the_same_checkpoint(movies: OrderDesk, checkpoint: str) -> None:
    asked = iter([False] * 30 + [True] * 1000)
    with pytest.raises(Stopped):
        movies.train("t2", QUICK, shutting_down=lambda: next(asked))
    assert movies.train("t2", QUICK).status == "finished"
    whole, cut = (movies.store.get(digest) for digest in (checkpoint, movies.train("t2", QUICK).checkpoint))
    # Only the run's name differs.
    assert len(whole) == len(cut)
    assert sum(a != b for a, b in zip(whole, cut, strict=True)) == 1


def segmenter(desk: OrderDesk, threshold: float) -> str:
    """An untrained network: at a low threshold everything is one cell, at a high one there is none."""
    torch.manual_seed(0)
    config = CheckpointConfig(NetworkConfig((16, 32)), DecodeConfig(threshold=threshold))
    return desk.store.put(save_checkpoint(build_network(config.network).state_dict(), config))


def test_a_movie_without_detections_asks_for_a_segmenter(movies: OrderDesk, checkpoint: str) -> None:
    item = movies.items[-1]
    bare = ImageRef(item.image, item.tree, item.name)
    refused = movies.predict("p2", checkpoint, [bare])
    assert refused.status == "failed"
    assert "no detections to link" in refused.failures[item.image]
    assert "segmenter" in refused.failures[item.image]
    eye = segmenter(movies, 0.3)
    (seen,) = movies.predict("p3", eye, [bare], config={"flips": False}).predictions
    (linked,) = movies.predict("p4", checkpoint, [bare], config={"segmenter": eye, "flips": False}).predictions
    masks = read_label_stack(movies.store, seen.labels)
    assert masks.shape == (9, 160, 160)
    assert seen.cells == len(seen.cell_scores) >= 9
    assert linked.companions == {"detections": seen.labels}
    assert linked.cells == len(movie_of(masks, read_reading(movies.store, linked.labels).values).lineage.tracks)
    blind = movies.predict("p9", checkpoint, [bare], config={"segmenter": segmenter(movies, 0.95), "flips": False})
    assert "found no cell in any frame" in blind.failures[item.image]
    assert movies.predict("p10", checkpoint, [bare], config={"segmenter": checkpoint}).status == "failed"


@pytest.mark.parametrize(
    ("config", "start", "message"),
    [({"colour": 1}, None, "unknown fields"), ({"width": 1}, None, "width"), ({}, "self", "starts from nothing")],
)
def test_bad_orders_are_refused(movies: OrderDesk, checkpoint: str, config, start, message: str) -> None:
    report = movies.train(f"bad-{message.split()[0]}", config, start_from=checkpoint if start else None)
    assert report.status == "failed"
    assert message in report.error


def test_bad_predictions_are_refused(movies: OrderDesk, checkpoint: str) -> None:
    still = write_image(movies.store, ImageData(np.zeros((1, 32, 32), np.uint8), "cyx", ("a",))).digest
    report = movies.predict("p5", checkpoint, [ImageRef("still", still, "still")])
    assert "is no movie" in report.failures["still"]
    assert movies.predict("p6", checkpoint, config={"segmenter": "ab"}).status == "failed"
    assert movies.predict("p7", checkpoint, config={"tile": 3}).status == "failed"
    one, other = movies.items[0], movies.items[1]
    values_for_masks = ImageRef(one.image, one.tree, one.name, {"detections": other.labels})
    assert one.image in movies.predict("p8", checkpoint, [values_for_masks]).failures


def test_unlinked_movies_teach_nothing(tmp_path: Path) -> None:
    desk = OrderDesk(tmp_path, "tracking")
    add_movie(desk, 430, "train", frames=3, linked=False)
    report = desk.train("none", QUICK)
    assert report.status == "failed"
    assert "holds a link" in report.error


def test_ids_follow_the_first_pixel() -> None:
    labels = np.array([[0, 9, 9, 0], [4, 0, 0, 2], [4, 2, 2, 2]], dtype=np.uint32)
    fresh, names = raster_order(labels)
    np.testing.assert_array_equal(fresh, [[0, 1, 1, 0], [2, 0, 0, 3], [2, 3, 3, 3]])
    assert names == {9: 1, 4: 2, 2: 3}


def test_the_registry_dispatches_to_it() -> None:
    assert kind_of_task("tracking") is TRACKING
    assert TRACKING.families == ("cellcommons.learned-linker/1",)
