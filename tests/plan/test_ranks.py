"""Expansion to ranks: coordinates, places, and how far groups spread."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DAMAGED_LAB, LAB, MOE_MODEL, NETWORK, cells_of, plan_of

from placer.errors import InputError
from placer.plan.coordinates import Axis, axis_strides, coordinates_of, first_members
from placer.plan.crossings import axis_levels
from placer.plan.placement import CellRun, PipelineLayout, Placement
from placer.plan.ranks import expand_ranks, gpu_of_rank, rank_table, units_of_gpus
from placer.plan.strategy import CrossSite, CrossSiteMode, Strategy
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

TOPOLOGY = build_topology(LAB)


def strategies() -> st.SearchStrategy[Strategy]:
    """Strategies that fit the lab, expert grids other than dense ones among them."""

    def build(sizes: tuple[int, ...]) -> Strategy | None:
        tp, cp, pp, dp, ep, etp, dp_shard = sizes
        if tp * cp * pp * dp > 128 or tp * cp * dp % (ep * etp) or dp % dp_shard:
            return None
        return Strategy(tp=tp, cp=cp, pp=pp, dp=dp, ep=ep, etp=etp, dp_shard=dp_shard)

    axes = [(1, 2, 3, 4), (1, 2, 3), (1, 2, 3), (1, 2, 4, 6), (1, 2, 3, 4, 8), (1, 2), (1, 2)]
    grid = [build(sizes) for sizes in itertools.product(*axes)]
    return st.sampled_from([strategy for strategy in grid if strategy is not None])


@given(strategies())
def test_ranks_follow_from_coordinates(strategy: Strategy) -> None:
    """Megatron-LM's order: tp, cp, dp, pp for dense parts; etp, ep, edp, pp for experts."""
    c = coordinates_of(strategy)
    rank = np.arange(strategy.num_gpus)
    dense = c.tp + strategy.tp * (c.cp + strategy.cp * (c.dp + strategy.dp * c.pp))
    expert = c.etp + strategy.etp * (c.ep + strategy.ep * (c.edp + strategy.edp * c.pp))
    np.testing.assert_array_equal(dense, rank)
    np.testing.assert_array_equal(expert, rank)
    np.testing.assert_array_equal(c.dp_shard + strategy.dp_shard * c.dp_replicate, c.dp)


@given(strategies(), st.sampled_from(list(Axis)))
def test_groups_are_cosets_of_the_other_coordinates(strategy: Strategy, axis: Axis) -> None:
    """Two ranks share a group exactly when all other coordinates of the grid are equal."""
    degree, _ = axis_strides(strategy)[axis]
    groups, sizes = np.unique(first_members(strategy, axis), return_counts=True)
    assert set(sizes.tolist()) == {degree}
    assert len(groups) * degree == strategy.num_gpus
    grid = ("etp", "ep", "edp", "pp") if axis in ("etp", "ep", "edp") else ("tp", "cp", "dp", "pp")
    varied = ("dp", "cp") if axis is Axis.DP_CP else (axis.value,)
    c = coordinates_of(strategy)
    others = np.stack([getattr(c, name) for name in grid if name not in varied])
    for column in others:
        np.testing.assert_array_equal(column, column[first_members(strategy, axis)])


def test_sites_are_the_outermost_slice_of_dp() -> None:
    sites = CrossSite(mode=CrossSiteMode.SYNC_DP, replicas=2)
    strategy = Strategy(tp=2, dp=4, dp_shard=4, cross_site=sites)
    assert coordinates_of(strategy).replica.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert set(coordinates_of(replace(strategy, cross_site=CrossSite())).replica.tolist()) == {0}


def test_ranks_on_a_damaged_cluster() -> None:
    """Seven ranks on the host that lost its first GPU, none on the host that is gone."""
    table = expand_ranks(plan_of(Strategy(dp=16, dp_shard=16), cluster=DAMAGED_LAB))
    assert table.node_names == ("leaf0-n0", "leaf0-n2", "leaf0-n3")
    assert table.node_rank.tolist() == [0] * 8 + [1] * 7 + [2]
    assert table.local_rank.tolist() == [*range(8), *range(7), 0]
    assert table.gpu_index.tolist() == [*range(8), *range(1, 8), 0]
    assert table.rail.tolist() == table.gpu_index.tolist()
    assert table.ranks_per_node == 0
    assert not table.uses_gpus_in_order
    assert table.site_names == ("damaged-lab",)
    assert table.domain_names == ("leaf0-n0", "leaf0-n2", "leaf0-n3")


def test_hosts_are_numbered_by_their_lowest_rank() -> None:
    strategy = Strategy(tp=8, dp=2, dp_shard=2)
    place = {"site": "lab", "pod": "core", "domain": "x"}
    cells = (
        CellRun(stage=0, first_replica=0, num_cells=1, hosts=(), gpu_ids=((24, 8),), **place),
        CellRun(stage=0, first_replica=1, num_cells=1, hosts=(), gpu_ids=((8, 8),), **place),
    )
    table = rank_table(strategy, _placement(cells), TOPOLOGY)
    assert table.node_names == ("leaf0-n3", "leaf0-n1")
    assert table.node_rank.tolist() == [0] * 8 + [1] * 8
    assert table.ranks_per_node == 8
    assert table.uses_gpus_in_order


def _placement(cells: tuple[CellRun, ...]) -> Placement:
    return Placement(
        axis_levels=(),
        cells=cells,
        pipeline_layout=PipelineLayout(chunks=()),
        gpus_used=0,
        gpus_available=0,
        gpus_unusable=0,
        spares=0,
    )


# Each row: what is done to the first of two cells, and what the message says.
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpu_ids": ((0, 7),)}, "expected 1 cells of 8 GPUs, got 7 accelerators"),
        ({"first_replica": 1}, "expected each cell once"),
        ({"first_replica": 2}, "expected 1 stages of 2 cells, got stage 0, cells up to 2"),
        ({"stage": 3}, "expected 1 stages of 2 cells, got stage 3"),
        ({"num_cells": 0, "gpu_ids": ()}, "8 ranks without one"),
    ],
)
def test_cells_that_do_not_tile_the_ranks(changes: dict[str, object], message: str) -> None:
    strategy = Strategy(tp=8, dp=2, dp_shard=2)
    first, second = cells_of(strategy, TOPOLOGY)
    broken = replace(first, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError) as raised:
        gpu_of_rank(strategy, _placement((broken, second)))
    assert message in str(raised.value)


def test_accelerators_the_cluster_has_not() -> None:
    strategy = Strategy(tp=8, dp=2, dp_shard=2)
    first, second = cells_of(strategy, TOPOLOGY)
    beyond = replace(second, gpu_ids=((128, 8),))
    with pytest.raises(InputError, match="accelerators below 128, got accelerator 135"):
        rank_table(strategy, _placement((first, beyond)), TOPOLOGY)


@given(strategies(), st.integers(0, 3))
def test_spread_equals_counting_one_group_at_a_time(strategy: Strategy, seed: int) -> None:
    """Random accelerators for the ranks, groups enumerated in plain Python."""
    gpu = np.random.default_rng(seed).permutation(128)[: strategy.num_gpus]
    units = units_of_gpus(TOPOLOGY, gpu)
    names = [level.name for level in TOPOLOGY.levels]
    for found in axis_levels(strategy, names, units):
        members: dict[int, list[int]] = {}
        for rank, first in enumerate(first_members(strategy, Axis(found.axis)).tolist()):
            members.setdefault(first, []).append(rank)
        assert found.groups == len(members)
        inner = gpu
        for name, unit in zip(names, units, strict=True):
            crossing = sum(len({int(unit[r]) for r in group}) > 1 for group in members.values())
            assert found.groups_crossing[name] == crossing
            widest = max(
                len({int(inner[r]) for r in group if unit[r] == u})
                for group in members.values()
                for u in {int(unit[r]) for r in group}
            )
            assert found.levels.get(name, 1) == widest
            inner = unit


def test_two_scale_up_levels_number_inner_units_over_the_cluster() -> None:
    outer = {"name": "rack", "size": 4, "bandwidth": "100 GB/s", "latency": "2 us"}
    cluster = ClusterSpec.model_validate(
        {
            "name": "racks",
            "accelerator": "h100_sxm",
            "gpus_per_host": 4,
            "scale_up": {"size": 4, "name": "board", "outer": outer},
            "scale_out": NETWORK | {"levels": [{"name": "core", "size": 2, "latency": "5 us"}]},
        }
    )
    topology = build_topology(cluster)
    boards, racks, core = units_of_gpus(topology, np.array([0, 3, 4, 15, 16, 31]))
    assert boards.tolist() == [0, 0, 1, 3, 4, 7]
    assert racks.tolist() == [0, 0, 0, 0, 1, 1]
    assert core.tolist() == [0] * 6


def test_131072_ranks_expand() -> None:
    levels = [
        {"name": "leaf", "size": "32 hosts", "latency": "5 us"},
        {"name": "core", "size": "512 leaf", "latency": "8 us"},
    ]
    cluster = ClusterSpec.model_validate(
        {"name": "large", "accelerator": "h100_sxm", "scale_out": NETWORK | {"levels": levels}}
    )
    strategy = Strategy(tp=8, ep=32, pp=16, dp=1024, dp_shard=1024)
    ids = tuple((stage * 8192, 8192) for stage in range(16))
    place = {"site": "large", "pod": "core", "domain": "x"}
    cells = tuple(
        CellRun(stage=s, first_replica=0, num_cells=256, hosts=(), gpu_ids=(ids[s],), **place)
        for s in range(16)
    )
    topology = build_topology(cluster)
    table = rank_table(strategy, _placement(cells), topology)
    spread = axis_levels(strategy, ["nvlink", "leaf", "core"], units_of_gpus(topology, table.gpu))
    assert len(spread) >= 3
    assert len(table.gpu) == 131_072
    assert len(table.node_names) == 16_384
    assert {s.axis: s.groups_crossing["nvlink"] for s in spread}["tp"] == 0
    assert {s.axis: s.levels for s in spread}["ep"] == {"nvlink": 8, "leaf": 4}


def test_every_column_has_a_row_per_rank() -> None:
    table = expand_ranks(plan_of(Strategy(tp=2, ep=8, pp=2, dp=8, dp_shard=8), MOE_MODEL))
    for column in fields(table.coordinates):
        assert len(getattr(table.coordinates, column.name)) == 32
    assert table.host_of_rank[8] == "leaf0-n1"
