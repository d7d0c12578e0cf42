"""From a release's images and their targets to pairs that can teach: checked, registered, failures left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.pairs import ImagePair
from cellcommons.reading import Reading
from cellcommons.registration import MIN_SIDE, Registration, register_pair
from cellcommons.release import Release, ReleaseItem
from ml_worker.regression.config import RegistrationConfig
from ml_worker.regression.samples import PairSample

# What a person said of a prediction; the regions beside such an answer are the prediction's failures.
ON_PREDICTION = ("trial", "preference")
SAME_LIGHT_R = 0.5
NAMED = 24
# Of one light shifts are told to a tenth of a pixel; half a pixel already costs sharpness.
TELLING = 0.5


@dataclass(frozen=True, eq=False)
class Pair:
    """One image of a release with its target.

    Attributes:
        planes: source, axes cyx; z planes as channels, channel by channel. target: axes cyx.
        known: bool, yx: where the target can be trusted; None: everywhere.
        same_light: both show the same channel, as in denoising.
    """

    item: ReleaseItem
    source: ImageData = field(repr=False)
    target: ImageData = field(repr=False)
    planes: NDArray[Any] = field(repr=False)
    known: NDArray[np.bool_] | None = field(repr=False)
    same_light: bool

    @property
    def sample(self) -> PairSample:
        """As the trainer takes it."""
        return PairSample(self.item.name, self.planes, self.target.data, self.item.stratum, self.known)


def read_pair(release: Release, item: ReleaseItem, *, where: str) -> Pair:
    """Read one pair.

    Raises:
        NotFound: no target beside the image.
        MismatchedShapes: the two differ in rows, columns or pixel size.
        InvalidDocument: a movie, or a target that is a stack.
    """
    source, target = release.image(item), release.target(item)
    try:
        ImagePair.of(source, target)
    except MismatchedShapes as error:
        raise MismatchedShapes(error.what, where=where, remedy=error.remedy) from error
    planes = planes_of(source, where=where)
    if target.axes != "cyx":
        raise InvalidDocument(f"a target has axes cyx, this one {target.axes}", where=where)
    light = same_light(source, target)
    return Pair(item, source, target, planes, known_pixels(release.reading(item)), light)


def planes_of(image: ImageData, *, where: str = "") -> NDArray[Any]:
    """The image's planes, axes cyx: all z planes of its first channel, then those of the next. A view where it can be.

    Raises:
        InvalidDocument: a movie.
    """
    if image.size("t") > 1:
        raise InvalidDocument(
            f"the image has {image.size('t')} frames, and this model reads images and stacks",
            where=where,
            remedy="Use single frames.",
        )
    data = image.data[0] if image.axes[0] == "t" else image.data
    return data.reshape(-1, *data.shape[-2:])


def known_pixels(reading: Reading) -> NDArray[np.bool_] | None:
    """Where the target can be trusted: outside the regions that people marked on it; None: everywhere.

    Regions that were marked beside an answer about a prediction say where that prediction failed, not the target: they
    are the very places to learn from, and stay.
    """
    if reading.raster is None or any(key in reading.values for key in ON_PREDICTION):
        return None
    failed = reading.labels > 0
    return ~failed if failed.any() else None


def same_light(source: ImageData, target: ImageData) -> bool:
    """Whether both show the same channels: equal names and, noise aside, one picture (Pearson r of at least 0.5)."""
    if source.size("z") > 1 or source.channels != target.channels:
        return False
    for channel in range(len(target.channels)):
        a, b = (
            ndimage.gaussian_filter(image.plane(channel).astype(np.float64), 2.0)[::2, ::2].ravel()
            for image in (source, target)
        )
        if a.std() == 0 or b.std() == 0 or float(np.corrcoef(a, b)[0, 1]) < SAME_LIGHT_R:
            return False
    return True


@dataclass
class RegistrationLog:
    """What the check of pairs found, for the report's notes.

    Attributes:
        found: split and name of each pair -> how its target lies, or None where it was too small to tell.
        left_out: names of those that do not teach -> why. lights: of registered pairs of one light.
    """

    config: RegistrationConfig
    found: dict[str, Registration | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    lights: list[Registration] = field(default_factory=list)

    def passes(self, pair: Pair, *, name: str) -> bool:
        """Check one pair and remember the outcome; False where it must not teach."""
        if min(pair.target.shape_yx) < MIN_SIDE:
            self.found[name] = None
            return True
        tolerance = self.config.tolerance
        self.found[name] = found = register_pair(
            pair.planes, pair.target.data, same_kind=pair.same_light, tolerance=tolerance, where=name
        )
        if pair.same_light and found.status == "registered":
            self.lights.append(found)
        if not self.config.check or found.status in ("registered", "unclear"):
            return True
        self.left_out[name] = (
            f"the target lies {_pixels(found)} pixels (y, x) from its source"
            if found.status == "shifted"
            else f"parts of the target lie apart from their source (median {found.residual:.1f} pixels)"
        )
        return False

    def notes(self) -> list[str]:
        """Sentences for people."""
        said = [f"Left out, as it would teach a blur: {name}: {why}." for name, why in self.left_out.items()]
        measured = {name: found for name, found in self.found.items() if found is not None}
        fine = sum(found.status == "registered" for found in measured.values())
        if measured:
            said.append(f"{fine} of {len(measured)} pairs of image and target lie on one another.")
        if self.lights:
            y, x = (-float(np.mean([found.shift[axis] for found in self.lights])) + 0 for axis in (0, 1))
            if np.hypot(y, x) >= TELLING:
                said.append(
                    f"On the mean targets lie ({y:+.1f}, {x:+.1f}) pixels (y, x) from their sources. Nothing was "
                    "moved, and crops are turned, so this blurs predictions; move the targets before import."
                )
        # Those that were left out are named above; what is left passed all the same.
        odd = [
            f"{name} {_pixels(found)} {found.status}"
            for name, found in measured.items()
            if found.status != "registered" and name not in self.left_out
        ]
        if odd:
            more = f", and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
            said.append(f"Taught though unsure, target (y, x) pixels from its source: {'; '.join(odd[:NAMED])}{more}.")
        small = [name for name, found in self.found.items() if found is None]
        if small:
            said.append(f"Too small to check how they lie: {', '.join(small[:NAMED])}.")
        return said


def _pixels(found: Registration) -> str:
    # The shift moves the target onto its source, so the target lies the other way; plus 0, for -0.0 reads badly.
    return f"({-found.shift[0] + 0:+.1f}, {-found.shift[1] + 0:+.1f})"
