"""The crops of ``cellcommons`` in PyTorch's own loader, which the library itself never imports."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_release import small_release
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from cellcommons.crops import Crops
from cellcommons.release import Release
from cellcommons.store import FolderStore


class TorchCrops(Crops, IterableDataset):
    """What the documentation tells people to write."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return small_release(FolderStore(tmp_path_factory.mktemp("store")), count=4, size=96)


def drawn(loader: DataLoader) -> list[tuple[str, int, int]]:
    return [
        (name, int(y), int(x))
        for batch in loader
        for name, y, x in zip(batch["id"], batch["y"], batch["x"], strict=True)
    ]


def test_workers_of_a_loader_give_the_epoch_in_its_order_and_resume_in_it(release: Release, tmp_path: Path) -> None:
    options = {"size": 32, "batch": 3, "workers": 2, "mix": 2}
    order = [(sample["id"], sample["y"], sample["x"]) for sample in Crops(release, **options)]
    crops = TorchCrops(release, **options, worker_info=get_worker_info)
    assert drawn(DataLoader(crops, batch_size=3, num_workers=2)) == order
    crops.load_state_dict(crops.state_dict(position=9))
    assert drawn(DataLoader(crops, batch_size=3, num_workers=2)) == order[9:]


def test_by_index_a_loader_gives_the_same(release: Release) -> None:
    crops = Crops(release, size=32)
    whole = DataLoader(crops, batch_size=4)
    batch = next(iter(whole))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert batch["labels"].shape == (4, 32, 32)
    order = drawn(whole)
    assert drawn(DataLoader(crops, batch_size=4, sampler=range(10, len(crops)))) == order[10:]
