"""What every layout must pass: records go out, come back, and say the same in all that the layout can carry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import AlreadyThere, CellCommonsError, UnknownLayout
from cellcommons.layouts.contract import Record, WritableLayout
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.records import ontologies, records
from cellcommons.testing.sameness import assert_same_record

# One inherited test serves all layouts, so its executors differ.
_UNHEEDED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.differing_executors]


class LayoutSuite:
    """Subclass it as ``class TestNAME(LayoutSuite)`` with ``layout`` set.

    ``guessable``: False for layouts that a written folder cannot be told from (a plain folder of pictures). ``mixed``:
    False where all images of one folder have one kind of truth. ``classes``: those that the layout fixes.
    ``arranged`` may be overridden where a folder asks more of its records together than ``carries`` can say.
    """

    layout: ClassVar[WritableLayout]
    guessable: ClassVar[bool] = True
    mixed: ClassVar[bool] = True
    classes: ClassVar[Ontology | None] = None

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        """The records made to fit one folder, e.g. all with the channels of the first."""
        return wanted

    @given(data=st.data())
    @settings(max_examples=25, deadline=None, suppress_health_check=_UNHEEDED)
    def test_what_is_written_comes_back(self, data: st.DataObject) -> None:
        carries = self.layout.carries
        names = data.draw(st.lists(st.sampled_from(["a", "b-2", "cell_10", "d4"]), min_size=1, max_size=3, unique=True))
        # A folder has one list of classes, whatever lies in it.
        multi = ImageClasses in carries.truths and "multi" in carries.features and data.draw(st.booleans())
        ontology = self.classes or data.draw(ontologies(carries, multi=multi))
        kind = None if self.mixed or not carries.truths else data.draw(st.sampled_from(carries.truths))
        wanted = {name: data.draw(records(carries, name=name, ontology=ontology, kind=kind)) for name in sorted(names)}
        wanted = self.arranged(wanted)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "written"
            done = write_layout(self.layout, wanted.values(), folder)
            assert (done.images, done.dropped) == (len(wanted), {})
            likely, reason = self.layout.guess(folder)
            assert likely > 0, reason
            scan = self.layout.scan(folder)
            assert not scan.skipped
            assert [entry.name for entry in scan.entries] == sorted(wanted)
            for entry in scan.entries:
                assert_same_record(self.layout.read(entry), wanted[entry.name], carries)

    def test_an_empty_folder_and_a_file_are_not_it(self, tmp_path: Path) -> None:
        (tmp_path / "nothing").mkdir()
        (tmp_path / "file.bin").write_bytes(b"\x00\x01")
        for path in (tmp_path / "nothing", tmp_path / "file.bin"):
            likely, reason = self.layout.guess(path)
            assert likely < 0.5
            assert reason
            if likely == 0:
                with pytest.raises(UnknownLayout):
                    self.layout.scan(path)

    def test_a_write_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        def broken() -> Iterator[Record]:
            yield from ()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_layout(self.layout, broken(), tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_what_is_there_is_never_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("keep")
        with pytest.raises(AlreadyThere):
            write_layout(self.layout, [], tmp_path)
        with pytest.raises(CellCommonsError):
            write_layout(self.layout, [], tmp_path / "none")
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
