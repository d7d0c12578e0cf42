"""A small real release, and a real HTTP server that can be told to misbehave."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from task_items import MAKERS, task_items

from cellcommons.cards.dataset import dataset_card
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.labels import cells
from cellcommons.object_packs import HEADER, header
from cellcommons.release import CellRow, Provenance, Release, ReleaseItem, open_release
from cellcommons.sealing import seal_release
from cellcommons.splits import split_by_source
from cellcommons.store import FolderStore, object_path
from cellcommons.summary import Summary

CREATED = "2026-11-20T08:00:00Z"


def items_in(store: FolderStore, count: int = 6, *, size: int = 48, seed: int = 0) -> list[ReleaseItem]:
    """Images of noise (incompressible, so that objects have some length) with a few square cells."""
    rng = np.random.default_rng(seed)
    split = split_by_source([(f"image-{n}", f"source-{n}", "noise") for n in range(count)]).assignment
    items = []
    for n in range(count):
        pixels = rng.integers(0, 60_000, (2, size, size), dtype=np.uint16)
        labels = np.zeros((size, size), np.uint32)
        labels[4:12, 4:12], labels[20:30, 16 : 30 + n] = 1, 5
        rows = tuple(CellRow(c.id, c.box, c.area, 0.75) for c in cells(labels))
        items.append(
            ReleaseItem(
                image=f"image-{n}",
                name=f"field {n}.tif",
                tree=write_image(store, ImageData(pixels, "cyx", ("DNA", "actin"))).digest,
                labels=write_labels(store, labels).digest,
                split=split[f"image-{n}"],
                source=f"source-{n}",
                stratum="noise",
                channels=("DNA", "actin"),
                height=size,
                width=size,
                cells=rows,
                provenance=Provenance("majority", f"consensus-{n}", ("a", "b", "c"), ("p1", "p2", "p3")),
            )
        )
    return items


def seal(store: FolderStore, items: list[ReleaseItem], **changes: object) -> Release:
    fields: dict = {
        "dataset": "lab/noise",
        "title": "Noise with squares",
        "parent": None,
        "created": CREATED,
        "licence": "CC0-1.0",
        "task": "instance_segmentation",
        "card_text": "# Noise\n",
        "split_certificate": {"seed": 0},
    }
    _, digest = seal_release(store, items=items, **{**fields, **changes})
    return open_release(store, digest)


def small_release(
    store: FolderStore,
    task: str = "instance_segmentation",
    *,
    count: int = 6,
    size: int | None = None,
    whole: bool = False,
    seed: int = 0,
    **changes: object,
) -> Release:
    """A release of ``task`` with ``count`` generated images, of six: four to train on, one to validate, one to test.

    Args:
        size: pixels a side. whole: a classification of whole images rather than of cells.
        changes: of the arguments of ``seal_release``.
    """
    certificate = {"seed": seed}
    ontology = MAKERS[task][1]
    facts = {"dataset": "lab/" + task.replace("_", "-"), "title": f"Generated: {task}", "licence": "CC0-1.0"}
    facts |= {"task": task, "created": CREATED, "ontology": ontology}

    def card(summary: Summary, version: str) -> str:
        return dataset_card(**facts, version=version, summary=summary, certificate=certificate)

    fields: dict = {**facts, "parent": None, "card_text": card, "split_certificate": certificate}
    fields["items"] = task_items(store, task, count=count, size=size, whole=whole, seed=seed)
    _, digest = seal_release(store, **{**fields, **changes})
    return open_release(store, digest)


class Hub:
    """Serves one store's releases as the hub does, and as static files below ``/static/``.

    Attributes:
        served: bytes of objects sent, by digest. requests: number of requests.
        packs: whether objects are given in packs; packed: objects that went in one.
        cut: digest -> bytes after which the connection is cut, once each. flip: digests sent with one bit changed.
        ranges: whether Range is honoured. failures: requests still to be answered with 503. gone: digests that are 404.
        signature: of the release; keys: public ones that the hub lists.
        withdrawn: why; the release is then 410, as it is from the hub.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self.served: Counter[str] = Counter()
        self.requests = 0
        self.packs, self.packed = True, 0
        self.cut: dict[str, int] = {}
        self.flip: set[str] = set()
        self.gone: set[str] = set()
        self.ranges = True
        self.failures = 0
        self.always_cut = False
        self.withdrawn = ""
        self.signature: bytes | None = None
        self.keys: list[str] = []
        self.address = ""
        self.seen_tokens: set[str | None] = set()


@contextmanager
def serving(release: Release):
    """A hub on a free port of 127.0.0.1."""
    hub = Hub(release)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.requests += 1
            hub.seen_tokens.add(self.headers.get("Authorization"))
            if hub.failures > 0:
                hub.failures -= 1
                return self.answer(503, b"busy")
            manifest = hub.release.manifest
            major, minor, patch = manifest.version.split(".")
            asked = rf"/api/v1/releases/{manifest.dataset}/(?:newest|{major}(?:\.{minor}(?:\.{patch})?)?)/"
            api = f"/api/v1/releases/{manifest.dataset}/{manifest.version}/"
            if hub.withdrawn and re.match(asked, self.path):
                told = {"type": "urn:cellcommons:withdrawn", "detail": f"it was withdrawn: {hub.withdrawn}"}
                return self.answer(410, json.dumps(told).encode())
            if re.fullmatch(asked, self.path):
                told = {"version": manifest.version, "manifest_sha256": hub.release.digest}
                return self.answer(200, json.dumps(told).encode())
            if self.path in (f"{api}signature", "/static/signature.json") and hub.signature is not None:
                return self.answer(200, hub.signature)
            if self.path == "/api/v1/keys/":
                return self.answer(200, json.dumps([{"key": key} for key in hub.keys]).encode())
            if self.path in (f"{api}manifest", "/static/manifest.json"):
                return self.answer(200, manifest.to_bytes())
            found = re.fullmatch(rf"(?:{api}|/static/)(objects/sha256/../../([0-9a-f]{{64}}))", self.path)
            if found and found[1] == object_path(found[2]) and found[2] not in hub.gone:
                return self.send_object(found[2])
            problem = {"type": "urn:cellcommons:not-found", "detail": "no such release", "remedy": "See the list."}
            return self.answer(404, json.dumps(problem).encode())

        def do_POST(self) -> None:
            hub.requests += 1
            hub.seen_tokens.add(self.headers.get("Authorization"))
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["sha256"]
            manifest = hub.release.manifest
            path = f"/api/v1/releases/{manifest.dataset}/{manifest.version}/objects/"
            if not hub.packs or self.path != path or not hub.gone.isdisjoint(asked):
                return self.answer(404, b"{}")
            if hub.failures > 0:
                hub.failures -= 1
                return self.answer(503, b"busy")
            store = hub.release.store
            self.send_response(200)
            self.send_header("Content-Length", str(sum(store.size(digest) + HEADER for digest in asked)))
            self.end_headers()
            for digest in asked:
                data = self.read(digest)
                cut = hub.cut.get(digest) if hub.always_cut else hub.cut.pop(digest, None)
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(header(len(data)) + data[:cut])
                hub.served[digest] += len(data[:cut])
                hub.packed += 1
                if cut is not None:
                    return self.break_off()

        def read(self, digest: str) -> bytes:
            data = bytearray(hub.release.store.get(digest))
            if digest in hub.flip:
                data[len(data) // 2] ^= 1
            return bytes(data)

        def break_off(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def send_object(self, digest: str) -> None:
            data = self.read(digest)
            start, stop, asked = 0, len(data), self.headers.get("Range")
            if hub.ranges and asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(stop, int(last) + 1) if last else stop
                if start >= len(data):
                    return self.answer(416, b"")
            body = bytes(data[start:stop])
            self.send_response(206 if hub.ranges and asked else 200)
            self.send_header("Content-Length", str(len(body)))
            if hub.ranges and asked:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
            self.end_headers()
            cut = hub.cut.get(digest) if hub.always_cut else hub.cut.pop(digest, None)
            if cut is not None:
                body = body[:cut]
            hub.served[digest] += len(body)
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body)
            if cut is not None:
                self.break_off()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def biggest(release: Release) -> str:
    """Digest of the release's largest object."""
    return max(release.objects(), key=lambda found: found[1])[0]


def overwrite(path: Path, data: bytes) -> None:
    """Replace a read-only file's bytes in place, as a failing disk would."""
    path.chmod(0o644)
    path.write_bytes(data)
