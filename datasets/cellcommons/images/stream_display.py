"""What must be known of all pixels to show an image: samples for contrast windows, extremes, NaN."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.display import SAMPLE, Window, window_of
from cellcommons.images.lazy import Region


class Seen:
    """Samples of each channel at the very places where ``display.channel_window`` would take them of a whole image.

    Args:
        facts: of the image.
    """

    def __init__(self, facts: ImageData) -> None:
        self._facts = facts
        self._c = facts.axes.index("c")
        rest = tuple(n for a, n in zip(facts.axes, facts.data.shape, strict=True) if a != "c")
        self._step = max(1, math.prod(rest) // SAMPLE)
        # Pixels of one channel from one step along an axis to the next, in the order of a whole image.
        self._strides = {}
        for position, axis in enumerate(a for a in facts.axes if a != "c"):
            self._strides[axis] = math.prod(rest[position + 1 :])

    def of(self, region: Region, pixels: Pixels) -> dict[str, Any]:
        """What ``pixels`` of ``region`` tell, as JSON values that ``merged`` adds up."""
        at = self._places(region)
        channels = []
        for channel in range(pixels.shape[self._c]):
            plane = pixels[(slice(None),) * self._c + (channel,)]
            told: dict[str, Any] = {"samples": _packed(plane[at])}
            if plane.dtype.kind == "f":
                finite = np.isfinite(plane)
                bad = int(plane.size - np.count_nonzero(finite))
                values = plane if not bad else plane[finite]
                told["bad"] = bad
                if values.size:
                    told["low"], told["high"] = float(values.min()), float(values.max())
            channels.append(told)
        return {"first": region[self._c].start, "channels": channels}

    def _places(self, region: Region) -> tuple[Pixels, ...]:
        """Index arrays, one an axis but c, of the samples that lie in ``region``."""
        parts = {a: r for a, r in zip(self._facts.axes, region, strict=True) if a != "c"}
        rows, columns = parts["y"], parts["x"]
        outer = [a for a in parts if a not in "yx"]
        found: list[list[Pixels]] = [[] for _ in parts]
        for place in np.ndindex(*(parts[a].stop - parts[a].start for a in outer)):
            base = sum((parts[a].start + i) * self._strides[a] for a, i in zip(outer, place, strict=True))
            begin, end = base + rows.start * self._strides["y"], base + rows.stop * self._strides["y"]
            flat = np.arange(-(-begin // self._step) * self._step, end, self._step, dtype=np.int64) - base
            y, x = np.divmod(flat, self._strides["y"])
            inside = (x >= columns.start) & (x < columns.stop)
            count = int(np.count_nonzero(inside))
            for number, index in enumerate(place):
                found[number].append(np.full(count, index, dtype=np.int64))
            found[-2].append(y[inside] - rows.start)
            found[-1].append(x[inside] - columns.start)
        return tuple(np.concatenate(parts) for parts in found)

    def windows(self, told: list[dict[str, Any]]) -> tuple[list[Window], int]:
        """(contrast window of each channel, pixels that are NaN or infinite) from what ``of`` told of all regions."""
        count = self._facts.size("c")
        samples: list[list[Pixels]] = [[] for _ in range(count)]
        lows, highs = [math.inf] * count, [-math.inf] * count
        bad = 0
        for one in told:
            for channel, said in enumerate(one["channels"], start=one["first"]):
                samples[channel].append(np.frombuffer(base64.b64decode(said["samples"]), dtype=self._stored))
                lows[channel] = min(lows[channel], said.get("low", math.inf))
                highs[channel] = max(highs[channel], said.get("high", -math.inf))
                bad += said.get("bad", 0)
        extremes = [(low, high) if low <= high else (0.0, 1.0) for low, high in zip(lows, highs, strict=True)]
        found = [window_of(np.concatenate(s), e, self._facts) for s, e in zip(samples, extremes, strict=True)]
        return found, bad

    @property
    def _stored(self) -> np.dtype[Any]:
        return self._facts.data.dtype.newbyteorder("<")


def _packed(values: Pixels) -> str:
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode("ascii")
