"""ngff-zarr on a TIFF stack. Runs in an environment of its own (``tests/bench/convert.py``) and prints JSON.

``default``: as its documentation has it. ``equal``: our reduction (means of 2 x 2), chunks of 256 x 256, gzip 1.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import ngff_zarr
import zarr

source, target, how = sys.argv[1:4]
began, used = time.perf_counter(), time.process_time()
_, stack = ngff_zarr.tiff_to_ngff_image.tiff_file_to_ngff_images(source)[0]
options: dict[str, Any] = {}
written: dict[str, Any] = {}
if how == "equal":
    factors, width = [], stack.data.shape[-1]
    while width > 256:
        factors.append({"z": 1, "y": 2 ** (len(factors) + 1), "x": 2 ** (len(factors) + 1)})
        width = -(-width // 2)
    options = {
        "scale_factors": factors,
        "method": ngff_zarr.Methods.DASK_BIN_SHRINK,
        "chunks": {"z": 1, "y": 256, "x": 256},
    }
    written = {"compressors": [zarr.codecs.GzipCodec(level=1)]}
scales = ngff_zarr.to_multiscales(stack, **options)
ngff_zarr.to_ngff_zarr(target, scales, version="0.5", **written)
seconds, cpu = time.perf_counter() - began, time.process_time() - used
status = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
size = int(stack.data.nbytes)
sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "peak": int(status) * 1024, "bytes": size}) + "\n")
