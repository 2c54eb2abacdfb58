from __future__ import annotations

import numpy as np
import pytest
from plan_samples import LAB, MOE_MODEL

from placer.cost.collectives import deduplicated_copies
from placer.cost.constants import load_constants
from placer.simulate.link_table import LinkTable
from placer.simulate.routing import chosen_experts, copies_of
from placer.spec.model import MoE
from placer.topology.build import build_topology

TABLE = LinkTable(build_topology(LAB), load_constants())
EVEN = MoE(num_experts=64, top_k=4, ffn_hidden_size=1024)


def test_tokens_choose_different_experts() -> None:
    chosen = chosen_experts(EVEN)
    assert all(len(set(row)) == EVEN.top_k for row in chosen.tolist())
    assert chosen.min() >= 0
    assert chosen.max() < EVEN.num_experts


def test_limited_tokens_stay_in_their_groups() -> None:
    """8 groups of 8 experts, 4 of which a token may choose from."""
    assert MOE_MODEL.moe is not None
    groups = chosen_experts(MOE_MODEL.moe) // 8
    assert max(len(set(row)) for row in groups.tolist()) <= 4


def test_a_plain_dispatcher_sends_every_copy() -> None:
    copies = copies_of(EVEN, np.arange(16)[None, :], TABLE, deduplicated=False)
    assert (copies.domains, copies.ranks) == (4.0, 4.0)


@pytest.mark.parametrize(("members", "domains"), [(16, 2), (32, 4), (8, 1)])
def test_sampled_copies_are_near_the_expected_ones(members: int, domains: int) -> None:
    """The closed form draws with replacement, the sample without: a little more spread."""
    sampled = copies_of(EVEN, np.arange(members)[None, :], TABLE, deduplicated=True)
    in_domain = np.array([members / domains])
    expected = deduplicated_copies(np.array([float(domains)]), in_domain, EVEN)
    assert sampled.domains == pytest.approx(expected.domains[0], rel=0.05)
    assert sampled.ranks == pytest.approx(expected.ranks[0], rel=0.05)


def test_limited_tokens_reach_fewer_domains() -> None:
    """One group of experts to a domain: 8 draws from 4 of 8 groups reach 4 (1 - (3/4)^8) = 3.6."""
    moe = MoE(num_experts=256, top_k=8, ffn_hidden_size=1, num_groups=8, topk_groups=4)
    sampled = copies_of(moe, np.arange(64)[None, :], TABLE, deduplicated=True)
    assert sampled.domains == pytest.approx(3.6, rel=0.02)
