"""Starting from weights that learnt something else: any of our checkpoints, or a plain safetensors file.

Only the encoder is taken; the last layer always starts anew, and so does what lies between, as it was made for another
question.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnreadableFile

MAX_HEADER = 1 << 24
_STAGE = re.compile(r"stages\.(\d+)\.second\.0\.weight")


@dataclass(frozen=True)
class EncoderWeights:
    """An encoder's tensors by their names in ``ml_worker.networks.encoder.Encoder``.

    Attributes:
        inputs: planes that it reads. widths: features per stage.
    """

    tensors: dict[str, Tensor]
    inputs: int
    widths: tuple[int, ...]

    def load_into(self, encoder: Any, *, inputs: int) -> None:
        """Put the weights into ``encoder``.

        Raises:
            MismatchedShapes: it reads another number of planes, or its layers are others.
        """
        if inputs != self.inputs:
            raise MismatchedShapes(
                f"the checkpoint's encoder reads {self.inputs} planes, these images give {inputs}",
                where="start",
                remedy="Set reading.channels to 'pooled' for a segmenter's encoder, which reads three planes.",
            )
        try:
            encoder.load_state_dict(self.tensors)
        except RuntimeError as error:
            raise MismatchedShapes("the file's encoder has other layers than ours", where="start") from error


def read_encoder(data: bytes) -> EncoderWeights:
    """The encoder in a safetensors file: of any of our families, or tensors with the same names (``encoder.`` or bare).

    Raises:
        UnreadableFile: not safetensors, truncated or damaged.
        InvalidDocument: it holds no encoder of ours.
    """
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(MAX_HEADER, len(data) - 8):
            raise ValueError("its header passes its end")
        tensors = load(data)
    except (struct.error, ValueError, SafetensorError) as error:
        raise UnreadableFile(
            f"the bytes are not a safetensors file ({error})", where="start", remedy="Take another copy of the file."
        ) from error
    # A training state holds the mean of the weights too: that is what a checkpoint would be.
    for prefix in ("encoder.", "mean.encoder.", ""):
        found = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        found = {name: value for name, value in found.items() if name.startswith(("stem.", "stages."))}
        if "stem.0.weight" not in found:
            continue
        stages = sorted((int(m[1]), found[m[0]].shape[0]) for name in found if (m := _STAGE.fullmatch(name)))
        if stages and [index for index, _ in stages] == list(range(len(stages))):
            return EncoderWeights(found, int(found["stem.0.weight"].shape[1]), tuple(width for _, width in stages))
    raise InvalidDocument(
        "the file holds no encoder that this network could start from",
        where="start",
        remedy="Choose a checkpoint of this hub, or a safetensors file with its encoder's names and shapes.",
    )
