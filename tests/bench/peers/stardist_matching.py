"""StarDist's matching, timed in a process of its own: PACKAGES MAPS.npz '{"thresholds": [...], "repeats": n}'.

Only the file ``stardist/matching.py`` is loaded: the package itself imports what needs TensorFlow.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

packages, maps, asked = sys.argv[1], np.load(sys.argv[2]), json.loads(sys.argv[3])
sys.path.insert(0, packages)
spec = importlib.util.spec_from_file_location("stardist_matching_alone", Path(packages) / "stardist" / "matching.py")
assert spec is not None
assert spec.loader is not None
stardist = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stardist)
truth, found = maps["truth"].astype(np.int32), maps["found"].astype(np.int32)


def scores(thresholds):
    told = stardist.matching(truth, found, thresh=thresholds)
    return [
        {name: value for name, value in row._asdict().items() if name not in ("criterion", "thresh")} for row in told
    ]


def seconds(thresholds):
    scores(thresholds)  # compiles
    times = []
    for _ in range(asked["repeats"]):
        start = time.perf_counter()
        scores(thresholds)
        times.append(time.perf_counter() - start)
    return median(times)


thresholds = tuple(asked["thresholds"])
rows = [{name: float(value) for name, value in row.items()} for row in scores(thresholds)]
answer = {"match_seconds": seconds(thresholds[:1]), "match_ten_thresholds_seconds": seconds(thresholds), "scores": rows}
sys.stdout.write(json.dumps(answer) + "\n")
