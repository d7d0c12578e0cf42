"""Point after point on one hub: work, a blow at a seeded instant, the work's end, and the truth."""

from __future__ import annotations

import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backend.door.home import Home
from backend.door.hub import running_hub
from cellcommons.errors import CellCommonsError
from cellcommons.manifest import Manifest
from cellcommons.store import open_store
from tests.datasets.s3_server import running_s3_server
from tests.faults.moments import Moment, look, name_publication, name_upload
from tests.faults.people import Person, picture
from tests.faults.truths import Truths
from tests.faults.victims import STORE, draw_blow, strike, wait_until_well

#: A dead worker's work is taken up after seconds, not minutes, so that a hundred deaths fit into one run.
IMPATIENT = {"HUB_LOST_SECONDS": "6", "HUB_SWEEP_SECONDS": "2"}
PER_DATASET = 8
LATE = 1.05  # instants are drawn from so many times the length of undisturbed work


@dataclass
class Point:
    """One death: what was killed, in which step, after how long; and what was wrong then (nothing)."""

    number: int
    what: str
    victim: str
    step: str
    after: float
    seconds: float
    wrong: list[str]


@dataclass
class Outcome:
    """All points of a run."""

    store: str
    seed: int
    points: list[Point] = field(default_factory=list)
    undisturbed: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        table = Counter((point.what, point.victim, point.step) for point in self.points)
        counted = [{"what": w, "killed": v, "step": s, "points": n} for (w, v, s), n in sorted(table.items())]
        broken = [asdict(point) for point in self.points if point.wrong]
        return {**asdict(self), "points": len(self.points), "table": counted, "broken": broken}


class Rounds:
    """Points on one hub."""

    def __init__(self, home: Path, *, store: str, seed: int, say: Callable[[str], None]) -> None:
        self.place, self.bucket, self.say = home, store == "s3", say
        self.rng = random.Random(seed)
        self.outcome = Outcome(store, seed)
        self.slug = ""
        self.pictures = seed * 1_000_000

    def run(self, points: int, kinds: list[str], *, stop_at: float) -> Outcome:
        """As many points, or those that fit before ``stop_at`` (monotonic seconds)."""
        began = time.monotonic()
        with ExitStack() as stack:
            self.server = stack.enter_context(running_s3_server(self.place / "s3")) if self.bucket else None
            replace = dict(IMPATIENT)
            if self.server:
                replace |= {"OBJECTS_URL": self.server.address("faults"), **self.server.env}
                patch = stack.enter_context(pytest.MonkeyPatch.context())
                for name, word in self.server.env.items():
                    patch.setenv(name, word)
            hub = stack.enter_context(running_hub(self.place / "home", replace=replace))
            self.home = Home(hub.home)
            self.store = open_store(hub.env["OBJECTS_URL"])
            self.database, self.url = hub.env["DATABASE_URL"], hub.url
            account = hub.accounts["curator"]
            (self.place / "files").mkdir(exist_ok=True)
            self.person = Person(hub.url, account["username"], account["password"], self.place / "files")
            self.truths = Truths(self.database, self.store, hub.url)
            wait_until_well(self.home, self.url)
            self._undisturbed()
            for number in range(points):
                if time.monotonic() > stop_at:
                    self.say(f"stopped after {number} points: the time is up")
                    break
                if number % PER_DATASET == 0 and number:
                    self._new_dataset()
                self._point(number, kinds[number % len(kinds)])
            self.outcome.wrong = [*self.truths.everything()]
            self.outcome.objects = sum(1 for _ in self.store.digests())
        known = self.person.known
        self.outcome.acknowledged = {
            "images": len(known.images) + sum(map(len, known.imports.values())),
            "edits": sum(map(len, known.edits.values())),
            "annotations": len(known.annotations),
            "releases": len(known.releases),
        }
        self.outcome.seconds = round(time.monotonic() - began, 1)
        return self.outcome

    def log(self) -> list[str]:
        """What the hub said in its terminal."""
        return Home(self.place / "home").log("hub").read_text().splitlines()

    def _undisturbed(self) -> None:
        """How long each kind of work takes when nothing dies."""
        self._new_dataset()
        for _ in range(3):  # the first is slow: modules are imported, caches are cold
            for name, work in (
                ("image", self._image),
                ("import", self._import),
                ("read", self._read),
                ("publish", self._publish),
            ):
                began = time.monotonic()
                work()
                took = round(time.monotonic() - began, 3)
                self.outcome.undisturbed[name] = min(took, self.outcome.undisturbed.get(name, took))
        if wrong := self.truths.after_point(self.person, self.slug):
            raise AssertionError(f"wrong before anything was killed: {wrong}")

    def _new_dataset(self) -> None:
        self.slug = self.person.begin(f"faults-{self.pictures}", self._picture())

    def _picture(self) -> bytes:
        self.pictures += 1
        return picture(self.pictures)

    def _image(self) -> None:
        self.person.upload_image(self.slug, self._picture(), f"field-{self.pictures}.png")

    def _import(self) -> None:
        files = {}
        for _ in range(4):
            data = self._picture()
            files[f"plate-{self.pictures}.png"] = data
        self.person.upload_archive(self.slug, files)

    def _read(self) -> None:
        self.person.read(self.slug, self.pictures)

    def _publish(self) -> None:
        self.person.publish(self.slug, f"after {self.pictures} pictures")

    def _point(self, number: int, kind: str) -> None:
        rng = random.Random(f"{self.outcome.seed} {number}")
        blow = draw_blow(rng, bucket=self.bucket)
        name = rng.choice(["image", "import"] if kind == "upload" else ["read", "publish", "publish", "publish"])
        if kind == "publish":
            self._image()  # something new to read and to publish
        if name == "publish":
            self._read()
        work = {"image": self._image, "import": self._import, "read": self._read, "publish": self._publish}[name]
        after = rng.uniform(0, LATE * self.outcome.undisturbed[name])
        failures: list[str] = []
        well = 0.0
        self.person.phase = "begun"

        def go() -> None:
            try:
                work()
            except Exception as error:  # whatever it is, it is what this point found
                failures.append(f"{type(error).__name__}: {error}")
                sys.stderr.write(traceback.format_exc())

        before = look(self.database, self.store, self.slug, "")
        began = time.monotonic()
        worker = threading.Thread(target=go, name=f"point {number}")
        worker.start()
        time.sleep(max(0.0, after - (time.monotonic() - began)))
        at = look(self.database, self.store, self.slug, self.person.phase if worker.is_alive() else "done")
        hit = strike(blow, self.home, self.server, rng)
        if blow.part == STORE and self.server:
            # From this thread: a process ends with the thread that began it.
            time.sleep(rng.uniform(0.2, 3.0))
            self.server.start()
        worker.join()
        worked = time.monotonic() - began
        try:
            well = wait_until_well(self.home, self.url)
            failures += self.truths.after_point(self.person, self.slug)
        except (TimeoutError, CellCommonsError) as error:
            failures.append(str(error))
        seconds = time.monotonic() - began
        step = self._step(name, before, at)
        self.outcome.points.append(Point(number, name, str(blow), step, round(after, 3), round(seconds, 1), failures))
        times = f"{worked:5.1f} {well:5.1f} {seconds:6.1f} s"
        self.say(f"{number:4d}  {name:8s} {hit:40s} {step:44s} {times}  {'; '.join(failures) or 'well'}")

    def _step(self, name: str, before: Moment, at: Moment) -> str:
        if at.phase == "done":
            return "done"
        if name == "read":
            return at.phase
        if name != "publish":
            return name_upload(before, at)
        digest = list(self.person.known.releases.values())[-1]
        return name_publication(before, at, Manifest.load(self.store, digest), digest)
