"""What the machine offers: GPU or CPU, bfloat16, threads; and a record of it for reports."""

from __future__ import annotations

import platform
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch


def device() -> torch.device:
    """The first GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_bf16() -> bool:
    """Whether bfloat16 is faster than float32 here; CPUs that emulate it are slower with it."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Private in torch 2.13 (pinned), and without a public equal.
    return bool(torch.cpu._is_avx512_bf16_supported())


def autocast(*, bf16: bool) -> torch.autocast:
    """Mixed precision where it is asked for and pays, else float32 throughout."""
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=bf16 and native_bf16())


def calibration_gflops() -> float:
    """Float32 matrix product speed right now, GFLOP/s: clocks vary, so timings are read beside it."""
    matrix = torch.ones(768, 768, device=device())
    matrix @ matrix
    start = time.perf_counter()
    for _ in range(4):
        result = matrix @ matrix
    float(result[0, 0])
    return 4 * 2 * 768**3 / (time.perf_counter() - start) / 1e9


def environment() -> dict[str, Any]:
    """Versions, threads and device, for a report."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit_image": version("scikit-image"),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "threads": torch.get_num_threads(),
        "bf16": native_bf16(),
        "gflops": round(calibration_gflops(), 1),
    }
