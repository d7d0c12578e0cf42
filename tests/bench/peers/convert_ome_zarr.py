"""ome-zarr-py's writer on a TIFF stack. Runs in an environment of its own (``tests/bench/convert.py``) and prints JSON.

``default``: as its documentation has it. ``equal``: our reduction (means of 2 x 2), chunks of 256 x 256, gzip 1.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import dask.array as da
import tifffile
import zarr
from ome_zarr.scale import Methods
from ome_zarr.writer import write_image

source, target, how = sys.argv[1:4]
began, used = time.perf_counter(), time.process_time()
stack = da.from_zarr(tifffile.imread(source, aszarr=True))
factors, width = [], stack.shape[-1]
while width > 256:
    factors.append(2 ** (len(factors) + 1))
    width = -(-width // 2)
options: dict[str, Any] = {}
if how == "equal":
    options["method"] = Methods.LOCAL_MEAN
    options["storage_options"] = {"chunks": (1, 256, 256), "compressors": [zarr.codecs.GzipCodec(level=1)]}
write_image(stack, target, axes="zyx", scale_factors=factors, **options)
seconds, cpu = time.perf_counter() - began, time.process_time() - used
status = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "peak": int(status) * 1024, "bytes": stack.nbytes}) + "\n")
