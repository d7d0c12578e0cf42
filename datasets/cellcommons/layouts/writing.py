"""Write records as a layout: all of them or nothing, and nothing lost that was not asked to be dropped."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import AlreadyThere, CannotCarry
from cellcommons.layouts.contract import Layout, Record, WritableLayout
from cellcommons.layouts.fitting import checked_drop, fitted


@dataclass(frozen=True)
class Written:
    """What was written. ``dropped``: feature -> in how many images it was dropped, as asked."""

    layout: str
    images: int
    dropped: dict[str, int]


def write_layout(
    layout: Layout,
    records: Iterable[Record],
    folder: Path,
    *,
    drop: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write ``records`` below ``folder``, one at a time.

    Args:
        folder: absent or empty. It appears only once everything is written.
        drop: features (``layouts.carries.FEATURES``, or ``all``) that may be lost where the layout has no place.
        progress: called with the number of records taken so far.

    Raises:
        AlreadyThere: ``folder`` holds something, or two records have one name.
        CannotCarry: the layout has no place for what a record holds; ``features`` names it. Or it is a view of another
            layout and is only read.
    """
    if not isinstance(layout, WritableLayout):
        raise CannotCarry(
            "this layout is only read", where=layout.name, remedy="Choose another: `cellcommons layouts`."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyThere("something is there already", where=str(folder), remedy="Name a folder that does not exist.")
    allowed = checked_drop(drop)
    dropped: Counter[str] = Counter()
    names: set[str] = set()

    def taken() -> Iterator[Record]:
        for count, record in enumerate(records, start=1):
            fit, lost = fitted(record, layout.carries, layout.name, allowed)
            # Names that differ in case alone are one file on many machines.
            if fit.entry.name.casefold() in names:
                raise AlreadyThere("two images have this name", where=fit.entry.name, remedy="Rename one of them.")
            names.add(fit.entry.name.casefold())
            dropped.update(lost)
            yield fit
            if progress:
                progress(count)

    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        layout.write(taken(), beside)
        if not names:
            raise CannotCarry("there is nothing to write: no image", where=str(folder))
        beside.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return Written(layout.name, len(names), dict(sorted(dropped.items())))
