"""A folder in a published layout as records to walk through: what is in it, what is left out, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import CellCommonsError, NotFound, UnknownLayout
from cellcommons.layouts.contract import Entry, Layout, Record, Skipped
from cellcommons.layouts.registry import get_layout, guess_layout
from cellcommons.layouts.writing import Written, write_layout


@dataclass(frozen=True)
class Records:
    """The images of a folder, read one at a time as they are asked for.

    Attributes:
        path: the folder. layout: what it follows. entries: what was found. skipped: what was left out, and why.
    """

    path: Path
    layout: Layout
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Record]:
        """Read them in order. Raises what ``Layout.read`` raises at the first that cannot be read."""
        return (self.layout.read(entry) for entry in self.entries)

    def __getitem__(self, name: str | int) -> Record:
        """Read one, by its name or its place. Raises NotFound, and what ``Layout.read`` raises."""
        if isinstance(name, int):
            return self.layout.read(self.entries[name])
        for entry in self.entries:
            if entry.name == name:
                return self.layout.read(entry)
        raise NotFound("no image of that name", where=name, remedy=f"{self.path} holds {len(self)} images.")

    def readable(self, refused: Callable[[Skipped], None]) -> Iterator[Record]:
        """Read those that can be read; ``refused`` is told of each other, with the reason."""
        for entry in self.entries:
            try:
                record = self.layout.read(entry)
            except CellCommonsError as error:
                refused(Skipped(entry.paths[0], error.line()))
            else:
                yield record


def read_layout(path: Path | str, layout: str | None = None, *, limit: int | None = None) -> Records:
    """What ``path`` holds; the layout is guessed where it is not named.

    Raises:
        NotFound: no such path. UnknownLayout: it follows none, or not this one, or holds no image of it.
    """
    path = Path(path)
    if not path.exists():
        raise NotFound("no such file or folder", where=str(path))
    chosen = guess_layout(path) if layout is None else get_layout(layout)
    scan = chosen.scan(path)
    if not scan.entries:
        why = "; ".join(f"{item.path.name}: {item.reason}" for item in scan.skipped[:3])
        raise UnknownLayout(
            f"no image found that can be read{f' ({why})' if why else ''}",
            where=str(path),
            remedy="Look at what the layout expects: `cellcommons layouts`.",
        )
    return Records(path, chosen, scan.entries[:limit], scan.skipped)


def write_records(records: Iterable[Record], folder: Path | str, *, layout: str, drop: Collection[str] = ()) -> Written:
    """Write ``records`` in the layout called ``layout``. Arguments and errors: ``layouts.writing.write_layout``."""
    return write_layout(get_layout(layout), records, Path(folder), drop=drop)
