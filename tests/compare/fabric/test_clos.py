"""Folded Clos networks, counted by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.compare.fabric.clos import Tier, Uplinks, down_ports, joining_tiers, leaf_tiers, reach
from placer.errors import InfeasibleError

TOP = Uplinks(count=0, radix=64, oversubscription=None)


@pytest.mark.parametrize(
    ("radix", "tiers", "ports"),
    [
        (64, 1, 64),
        (64, 2, 2_048),
        (128, 2, 8_192),
        (512, 2, 131_072),  # R^2 / 2
        (64, 3, 65_536),  # R^3 / 4
    ],
)
def test_reach(radix: int, tiers: int, ports: int) -> None:
    assert reach(radix, tiers) == ports


@pytest.mark.parametrize(
    ("radix", "ratio", "down"), [(64, None, 64), (64, 1.0, 32), (64, 3.0, 48), (64, 7.0, 56)]
)
def test_down_ports(radix: float, ratio: float | None, down: float) -> None:
    assert down_ports(radix, ratio) == down


def test_a_unit_of_rail_leaves() -> None:
    """256 GPUs on 8 rails: one leaf each, 32 ports down and 32 up."""
    up = Uplinks(count=256, radix=64, oversubscription=1.0)
    assert leaf_tiers(256, 8, ports=64, radix=64, uplinks=up) == (
        Tier(num_switches=8, num_links=256),
    )


def test_a_unit_that_one_tier_cannot_join_takes_two() -> None:
    """576 ports on 4 rails: 144 each on 5 leaves of 32, and 9 spines of 64."""
    assert leaf_tiers(576, 4, ports=64, radix=64, uplinks=TOP) == (
        Tier(num_switches=20, num_links=576),
        Tier(num_switches=9, num_links=576),
    )


def test_two_tiers_of_512_ports_join_131072() -> None:
    leaf, spine = leaf_tiers(
        131_072,
        1,
        ports=512,
        radix=512,
        uplinks=Uplinks(count=0, radix=512, oversubscription=None),
    )
    assert (leaf.num_switches, spine.num_switches) == (512, 256)
    assert len(leaf_tiers(131_073, 1, ports=512, radix=512, uplinks=TOP)) == 3


def test_what_nobody_builds_is_refused() -> None:
    with pytest.raises(InfeasibleError, match="cannot join"):
        joining_tiers(10_000, 10_000, radix=4, uplinks=TOP)


@given(st.integers(2, 5000), st.sampled_from([16, 32, 64, 128]))
def test_every_link_has_a_port(endpoints: int, radix: int) -> None:
    tiers = leaf_tiers(
        endpoints,
        1,
        ports=radix,
        radix=radix,
        uplinks=Uplinks(count=0, radix=radix, oversubscription=None),
    )
    for below, above in pairwise(tiers):
        assert below.num_switches * radix >= below.num_links + above.num_links
    assert tiers[-1].num_switches * radix >= tiers[-1].num_links
    assert endpoints <= reach(radix, len(tiers))
