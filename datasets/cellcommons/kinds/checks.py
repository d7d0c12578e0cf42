"""What kinds check and count alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cellcommons.cards.front_matter import plain, table
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SPLITS, ReleaseItem
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


def check_companions(item: ReleaseItem, known: Iterable[str], required: Iterable[str]) -> None:
    """Refuse companions that the task does not know, and the lack of one it needs. Raises InvalidDocument."""
    strange = sorted(set(item.companions) - set(known))
    if strange:
        raise InvalidDocument(f"its task knows no {strange[0]!r} beside an image", where=item.name)
    lacking = sorted(set(required) - set(item.companions))
    if lacking:
        raise InvalidDocument(f"the image has no {lacking[0]}", where=item.name, remedy="Leave it out of the release.")


def check_raster(store: ObjectStore, item: ReleaseItem) -> None:
    """Refuse labels of other axes than yx or another shape than the image. Raises MismatchedShapes."""
    outline = read_outline(store, item.labels)
    if outline.axes != "yx" or outline.shape != (item.height, item.width):
        raise MismatchedShapes(
            f"its labels are {outline.axes} {outline.shape}, the image yx {(item.height, item.width)}", where=item.name
        )


def known_ontology(ontology: Ontology | None, *, where: str = "") -> Ontology:
    """The ontology. Raises InvalidDocument where there is none."""
    if ontology is None:
        raise InvalidDocument("there are no classes", where=where, remedy="Give the campaign an ontology.")
    return ontology


def counted(what: str, summary: Summary, fact: str) -> list[str]:
    """Lines of a table: images, sources and ``what`` in each split; ``fact`` as the summary calls it."""
    rows: list[list[object]] = []
    for split in (*SPLITS, None):
        rows.append([split or "all", *(summary.total(name, split) for name in ("images", "sources", fact))])
    return table(["split", "images", "sources", what], rows)


def class_counts(summary: Summary, fact: str = "classes") -> dict[str, Counter[str]]:
    """Split -> class -> rows that name it; or their area, ``class_area``."""
    return {split: summary.by_key(fact, split) for split in SPLITS}


def class_table(head: str, counts: dict[str, Counter[str]], ontology: Ontology) -> list[str]:
    """Lines of a table: each class of the ontology, its counts in each split."""
    rows = [[plain(name), *(f"{counts[split][name]:,}" for split in SPLITS)] for name in ontology.names]
    return table([head, *SPLITS], rows)


def class_limits(summary: Summary, ontology: Ontology) -> list[str]:
    """List items: splits that show one class only, and classes that a split lacks."""
    counts, lines = class_counts(summary), []
    for split in (split for split in SPLITS if summary.total("images", split)):
        present = [name for name in ontology.names if counts[split][name]]
        if len(present) == 1 and len(ontology) > 1:
            lines.append(f"- One class only in {split}: {plain(present[0])}. No score there tells classes apart.")
        elif len(present) < len(ontology):
            absent = [plain(name) for name in ontology.names if not counts[split][name]]
            shown = ", ".join(absent[:12]) + (f" and {len(absent) - 12} more" if len(absent) > 12 else "")
            lines.append(f"- Absent from {split}: {shown}.")
    return lines
