"""Send files to a dataset of a hub: hashed first, in parts, several at once; what was cut off goes on."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cellcommons.download_settings import Progress
from cellcommons.errors import CellCommonsError, NotFound, Unreachable, UnreadableFile
from cellcommons.hub_api import HubApi, Refused
from cellcommons.packing import changed
from cellcommons.patience import Patience
from cellcommons.transport import BrokenOff

PATIENCE = 12, 0.25  # a minute: a hub that is started anew is waited for
_BLOCK = 1 << 20
_ENDED = {"kept", "refused", "abandoned"}
_IMPORT_ENDED = {"finished", "failed", "asking"}
# One for all of the files: going on to the next would say the same.
_FATAL = {401, 403}


class Content(Protocol):
    """Bytes to send: a file, or a folder as a zip."""

    name: str

    @property
    def size(self) -> int:
        """In bytes."""

    def sha256(self, progress: Callable[[int], None] | None = None) -> str:
        """In hex; ``progress`` is called with the bytes read so far."""

    def read(self, offset: int, length: int) -> bytes:
        """Some of them, from any thread. Raises DigestMismatch where they are not there any more."""


class FileContent:
    """A file. Raises NotFound, UnreadableFile."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotFound("no such file", where=str(path))
        self.path, self.name, self.size = path, path.name, path.stat().st_size
        if not self.size:
            raise UnreadableFile("the file is empty", where=str(path))

    def sha256(self, progress: Callable[[int], None] | None = None) -> str:
        hasher, done = hashlib.sha256(), 0
        with open(self.path, "rb") as handle:
            while block := handle.read(_BLOCK):
                hasher.update(block)
                done += len(block)
                if progress:
                    progress(done)
        return hasher.hexdigest()

    def read(self, offset: int, length: int) -> bytes:
        with open(self.path, "rb") as handle:
            handle.seek(offset)
            data = handle.read(length)
        if len(data) != length:
            raise changed(self.path)
        return data


@dataclass(frozen=True)
class Arrival:
    """What became of one file.

    Attributes:
        state: ``kept``, ``refused`` (the hub's reason), or ``failed`` (ours: it could not be read or sent).
        images: ids of the images it became. import_id: of the import that an archive became; imported: its counts.
        already_there: the dataset had the bytes before. sent: bytes that went over the wire this time.
    """

    name: str
    state: str
    size: int = 0
    sent: int = 0
    images: tuple[str, ...] = ()
    already_there: bool = False
    import_id: str | None = None
    imported: dict[str, Any] | None = None
    reason: str = ""
    remedy: str = ""


class Uploader:
    """Sends files to one dataset.

    Args:
        jobs: files, and parts, under way at once. progress: called from any thread; counts files and bytes.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        dataset: str,
        jobs: int = 4,
        progress: Callable[[Progress], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._hub = HubApi(base_url, token, patience=patience or Patience(*PATIENCE))
        self._dataset, self._jobs, self._progress = dataset, jobs, progress
        self._lock = threading.Lock()
        self._through_hub = False  # the store itself is not to be reached from here
        self._files = self._files_total = self._bytes = self._bytes_total = self._sent = 0

    def send(self, contents: Iterable[tuple[Content, dict[str, Any]]]) -> list[Arrival]:
        """Send each with its fields of ``POST uploads/``, and wait until the hub has read them all; in their order.

        One that is refused does not stop the others.

        Raises:
            Refused: the hub does not know the person, or allows none of it. Unreachable: it does not answer.
        """
        given = list(contents)
        self._files_total, self._bytes_total = len(given), 0
        # Parts have threads of their own: a thread that sends a file waits for them.
        with ThreadPoolExecutor(self._jobs) as parts, ThreadPoolExecutor(self._jobs) as files:
            try:
                begun = list(files.map(lambda one: self._send_one(parts, *one), given))
            except BaseException:
                self._hub.patience.ended.set()
                files.shutdown(cancel_futures=True)
                raise
        return [one if isinstance(one, Arrival) else self._await(one) for one in begun]

    def _send_one(self, parts: ThreadPoolExecutor, content: Content, fields: dict[str, Any]) -> Any:
        """The hub's row of the upload, all parts sent; or what became of the file where it did not come so far."""
        try:
            digest = content.sha256()
            body = {"dataset": self._dataset, "name": content.name, "size": content.size, "sha256": digest, **fields}
            row = self._hub.ask("POST", "uploads/", body)
            self._count(total=content.size)
            row["sent"] = 0
            while row["state"] == "sending":
                row = self._send_missing(parts, content, row)
            self._count(files=1, whole=content.size - row["sent"])
            return row
        except Refused as error:
            if error.status in _FATAL or "dataset" in error.problem.get("errors", {}):
                raise
            return _failure(content, "refused", error)
        except OSError as error:
            return Arrival(content.name, "failed", reason=error.strerror or str(error))
        except CellCommonsError as error:
            if isinstance(error, Unreachable):
                raise
            return _failure(content, "failed", error)

    def _send_missing(self, parts: ThreadPoolExecutor, content: Content, row: dict[str, Any]) -> dict[str, Any]:
        """Send what is missing, then say that it is all; the row, in ``sending`` where something is missing still."""
        path, sent, patience = f"uploads/{row['id']}/", int(row["sent"]), self._hub.patience
        failures, pause, first = 0, patience.pause, 1
        try:
            while links := self._links(path, first):
                outcomes = list(parts.map(lambda link: self._put(content, link), links))
                sent += sum(length for length, _ in outcomes)
                faults = [fault for _, fault in outcomes if fault]
                first = 1 if faults else links[-1]["part"] + 1
                if len(faults) < len(links):
                    failures, pause = 0, patience.pause
                    continue
                failures += 1
                self._through_hub = self._through_hub or failures > 1
                if failures >= patience.attempts or patience.ended.wait(pause):
                    raise Unreachable(
                        f"{faults[0]} ({failures} times in a row)",
                        where=content.name,
                        remedy="Run the same command again later: it goes on where it stopped.",
                    )
                pause = min(2 * pause, 8.0)
            row = self._hub.ask("POST", f"{path}finish/")
        except Refused as error:
            # A part came late, or somebody else has sent the rest.
            if error.status != 409:
                raise
            row = self._hub.ask("GET", path)
        return row | {"sent": sent}

    def _links(self, path: str, first: int) -> list[dict[str, Any]]:
        """Links of the next missing parts; through the hub where the store itself is not to be reached."""
        way = "hub" if self._through_hub else ""
        answer = self._hub.ask("GET", f"{path}links/", first=first, count=4 * self._jobs, through=way)
        return list(answer["links"])

    def _put(self, content: Content, link: dict[str, Any]) -> tuple[int, BrokenOff | None]:
        """Bytes sent, and why not, where the link may be had again."""
        data = content.read(link["offset"], link["length"])
        try:
            self._hub.put(link["url"], data)
        except BrokenOff as error:
            return 0, error
        except Refused as error:
            if error.status not in (403, 404):
                raise
            return 0, BrokenOff(error.what)  # its time is over: the next has another
        self._count(sent=len(data))
        return len(data), None

    def _await(self, row: dict[str, Any]) -> Arrival:
        sent, pause = int(row["sent"]), 0.1
        while row["state"] not in _ENDED:
            self._pause(pause)
            pause = min(2.0, pause * 1.5)
            row = self._hub.ask("GET", f"uploads/{row['id']}/")
        imported = None
        if row["state"] == "kept" and row["import_id"]:
            path = f"imports/{row['import_id']}/"
            imported = self._hub.ask("GET", path)
            while imported["state"] not in _IMPORT_ENDED:
                self._pause(min(2.0, pause))
                imported = self._hub.ask("GET", path)
        error = row["error"] or {}
        kept = [f"{part['name']}: {part['reason']}" for part in row["refused"]]
        return Arrival(
            name=row["name"],
            state=row["state"],
            size=row["size"],
            sent=sent,
            images=tuple(image["id"] for image in row.get("images", ())),
            already_there=row["already_there"],
            import_id=row["import_id"],
            imported=imported,
            reason=error.get("detail") or (imported or {}).get("error") or "; ".join(kept),
            remedy=error.get("remedy", ""),
        )

    def _pause(self, seconds: float) -> None:
        self._hub.patience.ended.wait(seconds)

    def _count(self, *, files: int = 0, sent: int = 0, whole: int = 0, total: int = 0) -> None:
        with self._lock:
            self._files += files
            self._sent += sent
            self._bytes += sent + whole
            self._bytes_total += total
            if self._progress:
                self._progress(Progress(self._files, self._files_total, self._bytes, self._bytes_total, self._sent))


def _failure(content: Content, state: str, error: CellCommonsError) -> Arrival:
    return Arrival(content.name, state, reason=error.what, remedy=error.remedy)
