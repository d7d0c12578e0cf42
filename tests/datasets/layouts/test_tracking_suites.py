"""Every layout of tracking: what it says it carries comes back."""

from __future__ import annotations

from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.geff import Geff
from cellcommons.layouts.nist_lineage import NistLineage
from cellcommons.layouts.trackmate import TrackMate
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.testing.layout_suite import LayoutSuite


class TestCtc(LayoutSuite):
    layout = Ctc()


class TestUsiigaci(LayoutSuite):
    layout = Usiigaci()


class TestNistLineage(LayoutSuite):
    layout = NistLineage()


class TestGeff(LayoutSuite):
    layout = Geff()


class TestTrackMate(LayoutSuite):
    layout = TrackMate()
