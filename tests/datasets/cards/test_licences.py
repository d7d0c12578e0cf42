from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_release import items_in, seal

from cellcommons.cards.licences import LICENCES, check_licence, find_licence, lacking, licence_url, strictest
from cellcommons.errors import InvalidDocument
from cellcommons.store import FolderStore

IDS = sorted(LICENCES)


@pytest.mark.parametrize(
    ("release", "given", "allowed"),
    [
        ("CC-BY-4.0", "CC0-1.0", True),
        ("CC0-1.0", "CC-BY-4.0", False),
        ("CC0-1.0", "MIT", False),
        ("CC-BY-NC-4.0", "CC-BY-4.0", True),
        ("CC-BY-4.0", "CC-BY-NC-4.0", False),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", True),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", False),
        ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", True),
        ("CC-BY-4.0", "CC-BY-ND-4.0", False),
        ("CC-BY-NC-ND-4.0", "CC-BY-ND-4.0", True),
        ("CC-BY-SA-4.0", "ODbL-1.0", False),
        ("cc-by-4.0", "CC-BY-4.0", True),
        ("LicenseRef-ours", "LicenseRef-ours", True),
        ("LicenseRef-ours", "CC0-1.0", True),
        ("LicenseRef-ours", "CC-BY-4.0", False),
        ("CC-BY-4.0", "LicenseRef-ours", False),
    ],
)
def test_a_release_is_at_least_as_strict_as_what_it_is_made_from(release: str, given: str, allowed: bool) -> None:
    assert (lacking(release, given) == "") is allowed
    if allowed:
        check_licence(release, [given])
    else:
        with pytest.raises(InvalidDocument, match="too mild"):
            check_licence(release, [given])


def test_the_refusal_names_the_condition_and_a_licence_that_would_do() -> None:
    with pytest.raises(InvalidDocument) as caught:
        check_licence("CC0-1.0", ["CC-BY-NC-4.0", "MIT", "CC0-1.0"], where="cells@2")
    assert "cells@2: the licence CC0-1.0 is too mild: CC-BY-NC-4.0 asks for attribution and non-" in str(caught.value)
    assert "Publish under CC-BY-NC-4.0 or stricter" in str(caught.value)


def test_the_strictest_keeps_every_condition_or_says_that_none_does() -> None:
    assert strictest([]) == "CC0-1.0"
    assert strictest(["CC0-1.0", "cc-by-4.0"]) == "CC-BY-4.0"
    assert strictest(["CC-BY-NC-4.0", "CC-BY-ND-4.0"]).startswith("CC-BY-NC-ND-")
    for impossible in (
        ["CC-BY-SA-4.0", "CC-BY-NC-4.0"],
        ["ODbL-1.0", "CC-BY-SA-4.0"],
        ["CC-BY-SA-4.0", "CC-BY-ND-4.0"],
    ):
        with pytest.raises(InvalidDocument, match="no one licence"):
            strictest(impossible)
        with pytest.raises(InvalidDocument, match="dataset of its own"):
            check_licence("CC-BY-4.0", impossible)


@given(st.lists(st.sampled_from(IDS), min_size=1, max_size=4))
def test_whatever_is_called_strictest_may_hold_all_of_them(given: list[str]) -> None:
    try:
        chosen = strictest(given)
    except InvalidDocument:
        assert all(any(lacking(spdx, one) for one in given) for spdx in IDS)
    else:
        check_licence(chosen, given)


@given(st.sampled_from(IDS), st.sampled_from(IDS), st.sampled_from(IDS))
def test_strictness_passes_on(a: str, b: str, c: str) -> None:
    if not lacking(a, b) and not lacking(b, c):
        assert not lacking(a, c)


def test_ids_are_found_in_any_case_and_lead_to_their_text() -> None:
    found = find_licence("cc-by-4.0")
    assert found is not None
    assert found.url == licence_url("cc-by-4.0") == "https://spdx.org/licenses/CC-BY-4.0"
    assert licence_url("EUPL-1.2") == "https://spdx.org/licenses/EUPL-1.2"
    assert "spdx" not in licence_url("LicenseRef-ours")
    assert find_licence("EUPL-1.2") is None


def test_sealing_refuses_a_licence_that_is_too_mild(tmp_path) -> None:
    store = FolderStore(tmp_path)
    items = items_in(store, 1, size=24)
    with pytest.raises(InvalidDocument, match=r"noise: the licence CC0-1\.0 is too mild"):
        seal(store, items, given_licences=["CC-BY-4.0"])
    assert seal(store, items, given_licences=["CC-BY-4.0"], licence="CC-BY-4.0").manifest.licence == "CC-BY-4.0"
