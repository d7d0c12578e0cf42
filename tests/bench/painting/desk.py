"""A hub with one image, a campaign of segmentation over it, and a person to read it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from backend.door.home import ROOT
from backend.door.hub import Hub
from backend.door.services import PYTHON, own_environment
from backend.rehearsal.api import Api
from tests.bench.painting.field import CHANNELS, make_field

PASSWORD = "bench-only-1"
CAMPAIGN = "workbench"


@dataclass(frozen=True)
class Desk:
    """Where to sit down: the hub's address, the campaign, and who."""

    url: str
    campaign: str
    username: str
    password: str
    cells: int


def prepare_desk(
    hub: Hub,
    folder: Path,
    field: tuple[NDArray[Any], NDArray[np.uint32]] | None = None,
    channels: Sequence[str] = CHANNELS,
) -> Desk:
    """Fill the hub over its API; only the draft is put in as a worker's report would.

    Args:
        field: image (cyx) and its draft (yx); the generated field of 5,000 cells if None.
    """
    account = hub.accounts["curator"]
    curator = Api(hub.url, account["username"], account["password"])
    image, labels = field or make_field()
    picture, drawn = folder / "field.tif", folder / "labels.npy"
    tifffile.imwrite(picture, image, imagej=True, metadata={"axes": "CYX", "Labels": list(channels)})
    np.save(drawn, labels)
    curator.post("datasets/", {"slug": "workbench", "title": "Workbench", "licence": "CC0-1.0"})
    curator.upload(picture, dataset="commons/workbench", purpose="image", source="slide")
    order = {"slug": CAMPAIGN, "title": "Nuclei", "dataset": "commons/workbench", "task": "instance_segmentation"}
    curator.post("campaigns/", order | {"readings_needed": 5})
    curator.post(f"campaigns/commons/{CAMPAIGN}/open/")
    command = [str(PYTHON), "-m", "tests.bench.painting.attach", str(drawn), CAMPAIGN]
    subprocess.run(command, cwd=ROOT, env=own_environment() | hub.env, check=True)
    curator.post("people/", {"username": "painter", "password": PASSWORD, "role": "annotator"})
    return Desk(hub.url, f"commons/{CAMPAIGN}", "painter", PASSWORD, int(labels.max()))
