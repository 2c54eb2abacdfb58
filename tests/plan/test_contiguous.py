"""Ranks in order on the accelerators in order, whole cluster or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DAMAGED_LAB, DENSE_MODEL, LAB, MOE_MODEL

from placer.errors import InfeasibleError
from placer.plan.contiguous import contiguous_placement
from placer.plan.layout import even_layout
from placer.plan.placement import Placement
from placer.plan.placing import placement_of
from placer.plan.ranks import gpu_of_rank
from placer.plan.slots import CellShape, cell_shape, slot_gpus
from placer.plan.strategy import Strategy
from placer.spec.cluster import ClusterSpec
from placer.spec.hierarchy.hostlist import expand_names
from placer.topology.build import build_topology
from placer.topology.tree import GpuState

WHOLE = build_topology(LAB)
DAMAGED = build_topology(DAMAGED_LAB)


def strategy_of(**degrees: Any) -> Strategy:
    settings = {"dp_shard": degrees.get("dp", 1)} | degrees
    return Strategy(**settings)


def placed(strategy: Strategy, *, damaged: bool = False) -> Placement:
    layout = even_layout(DENSE_MODEL, strategy.pp, strategy.vpp)
    return contiguous_placement(strategy, layout, DAMAGED if damaged else WHOLE)


@pytest.mark.parametrize(
    ("degrees", "shape"),
    [
        ({"tp": 4, "dp": 2}, CellShape(gpus=4, domains=1, filled=4)),
        ({"tp": 8, "dp": 2}, CellShape(gpus=8, domains=1, filled=8)),
        ({"tp": 8, "cp": 2}, CellShape(gpus=16, domains=2, filled=8)),  # whole tp groups
        ({"tp": 4, "cp": 3}, CellShape(gpus=12, domains=2, filled=8)),  # 6 each would cut a group
        ({"tp": 12}, CellShape(gpus=12, domains=2, filled=6)),  # a group is wider than a domain
        ({"tp": 2, "ep": 3, "dp": 3}, CellShape(gpus=6, domains=1, filled=6)),
    ],
)
def test_cell_shapes(degrees: dict[str, int], shape: CellShape) -> None:
    assert cell_shape(strategy_of(**degrees), 8) == shape


def test_on_a_whole_cluster_rank_is_accelerator() -> None:
    strategy = strategy_of(tp=4, pp=4, dp=8)
    placement = placed(strategy)
    assert gpu_of_rank(strategy, placement).tolist() == list(range(128))
    assert [run.gpu_ids for run in placement.cells] == [((32 * s, 32),) for s in range(4)]
    assert (placement.gpus_used, placement.gpus_available) == (128, 128)


def test_the_groups_are_counted_where_they_are() -> None:
    # dp 8 with tp 4: two replicas per host, four hosts to a leaf, so a group stays in its leaf.
    axes = {axis.axis: axis for axis in placed(strategy_of(tp=4, pp=4, dp=8)).axis_levels}
    assert axes["tp"].groups_crossing == {"nvlink": 0, "leaf": 0, "core": 0}
    assert axes["dp"].levels == {"nvlink": 2, "leaf": 4}
    assert axes["dp"].groups_crossing == {"nvlink": 16, "leaf": 0, "core": 0}
    assert axes["pp"].levels == {"core": 4}


def test_damaged_places_are_skipped() -> None:
    strategy = strategy_of(tp=8, pp=2, dp=7)
    placement = placed(strategy, damaged=True)
    gpus = gpu_of_rank(strategy, placement)
    assert (DAMAGED.gpu_state[gpus] == GpuState.USABLE).all()
    assert gpus[:16].tolist() == [*range(8), *range(24, 32)]  # hosts 1 and 2 are not whole
    assert (placement.gpus_available, placement.gpus_unusable) == (119, 9)


def test_small_cells_use_what_is_left_of_a_host() -> None:
    strategy = strategy_of(tp=1, pp=1, dp=119)
    gpus = gpu_of_rank(strategy, placed(strategy, damaged=True))
    assert gpus.tolist() == np.flatnonzero(DAMAGED.gpu_state == GpuState.USABLE).tolist()


def test_a_cell_over_two_domains_stays_in_one_leaf() -> None:
    # Leaf 0 has two whole hosts left: one cell; the fourth host of leaf 0 is not paired with leaf 1.
    shape = CellShape(gpus=16, domains=2, filled=8)
    slots = slot_gpus(DAMAGED, shape)
    assert len(slots) == 1 + 3 * 2
    assert slots[0].tolist() == [*range(8), *range(24, 32)]
    assert slots[1].tolist() == list(range(32, 48))


def test_runs_end_where_pods_end() -> None:
    levels = [
        {"name": "leaf", "size": "4 hosts", "latency": "5 us", "oversubscription": 2},
        {"name": "core", "size": "4 leaf", "latency": "8 us"},
    ]
    network = {"link": "infiniband", "nic": "400 Gbit/s", "levels": levels}
    spec = ClusterSpec.model_validate(
        {"name": "narrow", "accelerator": "h100_sxm", "scale_out": network}
    )
    topology = build_topology(spec)
    strategy = strategy_of(tp=8, pp=2, dp=8)
    layout = even_layout(DENSE_MODEL, 2, 1)
    placement = contiguous_placement(strategy, layout, topology)
    assert [(run.stage, run.first_replica, run.num_cells) for run in placement.cells] == [
        (0, 0, 4),
        (0, 4, 4),
        (1, 0, 4),
        (1, 4, 4),
    ]
    assert [run.pod for run in placement.cells] == ["leaf0", "leaf1", "leaf2", "leaf3"]


def test_scattered_hosts_are_written_in_readable_pieces() -> None:
    levels = [{"name": "core", "size": "2000 hosts", "latency": "5 us"}]
    network = {"link": "infiniband", "nic": "400 Gbit/s", "levels": levels}
    spec = ClusterSpec.model_validate(
        {"name": "wide", "accelerator": "h100_sxm", "scale_out": network}
    )
    topology = build_topology(spec)
    strategy = strategy_of(tp=8, dp=1000)
    odd_hosts = np.arange(16000).reshape(2000, 8)[::2].ravel()
    placement = placement_of(strategy, even_layout(DENSE_MODEL, 1, 1), topology, odd_hosts)
    hosts = placement.cells[0].hosts
    assert len(hosts) > 1
    assert {name for text in hosts for name in expand_names(text)} == {
        f"wide-n{i}" for i in range(0, 2000, 2)
    }


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        ({"tp": 8, "dp": 17}, "tp 8 * cp 1 * pp 1 * dp 17 = 136 GPUs > 119 usable"),
        ({"tp": 8, "dp": 14}, ""),
        ({"tp": 6, "dp": 16}, "16 cells of 6 GPUs"),
    ],
)
def test_a_cluster_too_small_is_said_in_numbers(degrees: dict[str, int], words: str) -> None:
    strategy = strategy_of(**degrees)
    if not words:
        assert placed(strategy, damaged=True).gpus_used == strategy.num_gpus
        return
    with pytest.raises(InfeasibleError) as caught:
        placed(strategy, damaged=True)
    assert words in str(caught.value)
    assert caught.value.relaxation


@given(
    tp=st.sampled_from([1, 2, 3, 4, 8, 16]),
    cp=st.integers(1, 3),
    ep=st.sampled_from([1, 2, 4, 8]),
    pp=st.integers(1, 4),
    dp=st.integers(1, 16),
    damaged=st.booleans(),
)
def test_every_rank_gets_a_usable_accelerator_of_its_own(
    *, tp: int, cp: int, ep: int, pp: int, dp: int, damaged: bool
) -> None:
    if tp * cp * dp % ep:
        return
    strategy = strategy_of(tp=tp, cp=cp, ep=ep, pp=pp, dp=dp)
    topology = DAMAGED if damaged else WHOLE
    try:
        placement = contiguous_placement(strategy, even_layout(MOE_MODEL, pp, 1), topology)
    except InfeasibleError:
        return
    gpus = gpu_of_rank(strategy, placement)
    assert len(np.unique(gpus)) == strategy.num_gpus
    assert (topology.gpu_state[gpus] == GpuState.USABLE).all()
    if strategy.cell_gpus <= 8:
        cells = topology.domain_of(gpus).reshape(-1, strategy.cell_gpus)
        assert (cells == cells[:, :1]).all()
