"""Draws docs/pictures/loop.png, the README's picture, with the parts the hub uses. Run from the checkout's root.

Generated cells -> three simulated readings -> their consensus -> a small model, trained on other images, asked about
this one.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cellcommons.fusion.instances import fuse_instances
from cellcommons.images.data import ImageData
from cellcommons.images.previews import overlay_png
from cellcommons.measures.detection import detection_scores
from cellcommons.synthetic.annotator import ErrorModel, simulate_reading
from cellcommons.synthetic.cells import SOURCES, SyntheticImage, generate_cells
from ml_worker.checkpoint import load_checkpoint
from ml_worker.predict import predict_image
from ml_worker.samples import Sample, channel_planes
from ml_worker.train import TrainingData, train
from ml_worker.train_config import TrainConfig

SIZE, GAP, HEAD = 300, 14, 64
INK, QUIET, GROUND = (236, 240, 244), (150, 162, 174), (14, 18, 22)
SLIDE = SOURCES[1]
READERS = ((255, 120, 120), (120, 200, 255), (255, 215, 110))
CONSENSUS, MODEL = (110, 230, 150), (255, 170, 60)


def main() -> None:
    """Train for 200 steps, draw, save."""
    asked = generate_cells(7, height=SIZE, width=SIZE, source=SLIDE)
    image = ImageData(asked.image, "cyx", asked.channels, asked.pixel_size)
    careless = ErrorModel(miss=0.12, merge=0.08, split=0.08, spurious=0.03, boundary_px=1.6)
    readings = [simulate_reading(asked.labels, careless, np.random.default_rng(seed)).labels for seed in (1, 2, 3)]
    consensus = fuse_instances(readings).labels
    samples = [_sample(generate_cells(seed, height=SIZE, width=SIZE, source=SLIDE)) for seed in range(100, 116)]
    result = train(TrainingData(samples), TrainConfig(max_steps=200), seed=0, budget_seconds=300)
    prediction = predict_image(load_checkpoint(result.checkpoint), asked.image).labels
    best = max(detection_scores(asked.labels, reading).f1_50 for reading in readings)
    panels = [
        ("image", "16 bit, any channels", overlay_png(image, [], SIZE)),
        (
            "readings",
            f"3 people, blind; best F1 {best:.2f}",
            _outlined(image, list(zip(readings, READERS, strict=True))),
        ),
        (
            "consensus",
            f"F1 {detection_scores(asked.labels, consensus).f1_50:.2f}",
            _outlined(image, [(consensus, CONSENSUS)]),
        ),
        (
            "model",
            f"F1 {detection_scores(asked.labels, prediction).f1_50:.2f}, never saw it",
            _outlined(image, [(prediction, MODEL)]),
        ),
    ]
    sheet = Image.new("RGB", (4 * SIZE + 5 * GAP, SIZE + HEAD + GAP), GROUND)
    pen = ImageDraw.Draw(sheet)
    for index, (title, note, png) in enumerate(panels):
        left = GAP + index * (SIZE + GAP)
        pen.text((left, 10), title, INK, ImageFont.load_default(22))
        if index:
            pen.polygon([(left - 40, 16), (left - 40, 30), (left - 24, 23)], fill=QUIET)
        pen.text((left, 38), note, QUIET, ImageFont.load_default(15))
        sheet.paste(Image.open(io.BytesIO(png)).convert("RGB").resize((SIZE, SIZE)), (left, HEAD))
    sheet.quantize(256).save(Path(__file__).with_name("loop.png"), optimize=True)


def _sample(made: SyntheticImage) -> Sample:
    return Sample("", channel_planes(made.image), made.labels)


def _outlined(image: ImageData, outlined: list[tuple[np.ndarray, tuple[int, int, int]]]) -> bytes:
    return overlay_png(image, outlined, SIZE)


if __name__ == "__main__":
    main()
