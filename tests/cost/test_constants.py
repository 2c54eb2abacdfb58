"""The table of constants: complete, provenanced, replaceable."""

from __future__ import annotations

from collections import Counter

import pytest

from placer.cost.constants import ConstantKind, ConstantsError, load_constants, parse_constants
from placer.spec.interconnect import DCI_LINK, ScaleOutLink, ScaleUpLink

ENTRY = "{value: 2.0, unit: ratio, kind: assumed, source: here}"
LINK = f"""
links:
  wire: {{ring: {ENTRY}, all_to_all: {ENTRY}, p2p: {ENTRY}, in_switch: {ENTRY}}}
  glass: {{like: wire, ring: {{value: 3.0, unit: ratio, kind: measured, source: there}}}}
"""


def test_every_constant_says_where_it_comes_from() -> None:
    for constant in load_constants().entries:
        assert constant.unit, constant.name
        assert len(constant.source) > 10, constant.name


def test_links_and_collectives_stay_few() -> None:
    counts = Counter(c.name.split(".")[0] for c in load_constants().entries)
    assert counts["links"] <= 15
    assert counts["collectives"] <= 10


def test_efficiencies_do_not_exceed_the_link() -> None:
    """A ring cannot beat its link; a reducing switch may pass at most twice its bus bandwidth."""
    for link in load_constants().links.values():
        assert max(link.ring, link.all_to_all, link.p2p) <= 1.0
        assert link.in_switch * 8 / 14 <= 1.0


@pytest.mark.parametrize("key", [*ScaleUpLink, *ScaleOutLink, DCI_LINK])
def test_every_link_a_cluster_may_name_is_known(key: str) -> None:
    assert load_constants().link(key).ring > 0.0


def test_unknown_link_names_the_known_ones() -> None:
    with pytest.raises(ConstantsError, match=r"expected one of scale_up, .*got 'token_ring'"):
        load_constants().link("token_ring")


def test_a_link_falls_back_on_the_one_it_is_like() -> None:
    glass = parse_constants(LINK).link("glass")
    assert (glass.ring, glass.p2p) == (3.0, 2.0)


def test_a_link_that_states_too_little_is_refused() -> None:
    table = parse_constants(f"links: {{wire: {{ring: {ENTRY}}}}}")
    with pytest.raises(ConstantsError, match=r"links.wire: expected 'all_to_all'"):
        table.link("wire")


def test_replaced_values_reach_the_typed_view_and_say_so() -> None:
    before = load_constants()
    after = before.replace({"links.network.ring": 0.5}, source="calibration run 7")
    assert after.link("infiniband").ring == 0.5
    assert before.link("infiniband").ring != 0.5
    changed = next(c for c in after.entries if c.name == "links.network.ring")
    assert (changed.kind, changed.source) == (ConstantKind.FITTED, "calibration run 7")


def test_replacing_what_is_not_there_is_refused() -> None:
    with pytest.raises(ConstantsError, match=r"no entry links\.network\.rong to replace"):
        load_constants().replace({"links.network.rong": 1.0})


def test_value_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConstantsError, match="expected an entry 'nothing'"):
        load_constants().value("nothing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("links: {wire: {ring: 2.0}}", r"links.wire.ring: expected value, unit, kind and source"),
        ("links: {wire: {ring: {value: 2.0}}}", r"links.wire.ring: expected value, unit"),
        (
            "links: {wire: {ring: {value: fast, unit: ratio, kind: assumed, source: me}}}",
            r"links.wire.ring: expected a number, got 'fast'",
        ),
    ],
    ids=["bare number", "no provenance", "not a number"],
)
def test_incomplete_entries_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConstantsError, match=message):
        parse_constants(text)


def test_section_with_a_constant_too_many_is_refused() -> None:
    table = parse_constants(LINK + f"collectives: {{surprise: {ENTRY}}}")
    with pytest.raises(ConstantsError, match=r"section collectives: .*unknown \['surprise'\]"):
        _ = table.collectives


def test_counted_figures_are_listed_beside_the_constants() -> None:
    constants = load_constants()
    kernels = [c for c in constants.entries if c.name.startswith("kernels.")]
    assert len(kernels) == 17
    assert constants.kernels.multiprocessors_hopper == 132.0
    assert all(c.kind is not ConstantKind.FITTED for c in kernels)
