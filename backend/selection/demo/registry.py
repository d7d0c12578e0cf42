"""The campaigns of the demo, in the order in which they are made: one file a task beside this one, one line here."""

from __future__ import annotations

from backend.selection.demo.augmented import Fluorescence
from backend.selection.demo.classification import Classes
from backend.selection.demo.contract import DemoTask
from backend.selection.demo.instance_segmentation import Nuclei
from backend.selection.demo.semantic_segmentation import Tissue
from backend.selection.demo.tracking import Movies

DEMO: tuple[DemoTask, ...] = (Nuclei(), Classes(), Tissue(), Movies(), Fluorescence())
SLUGS = tuple(task.page.slug for task in DEMO)


def demo_task(slug: str) -> DemoTask:
    """The task whose campaign is called ``slug``."""
    return next(task for task in DEMO if task.page.slug == slug)
