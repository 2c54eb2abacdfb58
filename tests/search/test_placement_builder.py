"""Cells on accelerators: every one once, only healthy ones, where the search thinks they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_samples import dense_model, flat_topology, podded_topology

from placer.plan.placement import Placement
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import Strategy, StrategyBatch
from placer.search.placement_builder import build_placement, named
from placer.search.pods import Pods
from placer.topology.tree import GpuState, Topology

MODEL = dense_model(8)


def built(topology: Topology, strategy: Strategy, cells: np.ndarray) -> Placement:
    pods = Pods(topology)
    return build_placement(
        strategy=strategy,
        units=even_units(strategy.pp),
        cells=cells,
        shape=pods.shape(StrategyBatch.of([strategy]), 0),
        pods=pods,
        model=MODEL,
    )


def even_units(pp: int) -> tuple[int, ...]:
    return tuple(8 // pp + (1 if stage < 8 % pp else 0) for stage in range(pp))


def levels(placement: Placement, axis: str) -> dict[str, int]:
    return next(a.levels for a in placement.axis_levels if a.axis == axis)


def test_stages_follow_each_other_in_one_pod() -> None:
    strategy = Strategy(tp=4, pp=2, dp=4, dp_shard=4)
    placement = built(flat_topology(4), strategy, np.array([[4, 4]]))
    assert gpu_of_rank(strategy, placement).tolist() == list(range(32))
    assert levels(placement, "dp") == {"nvlink": 2, "fabric": 2}


def test_stages_start_where_domains_start_when_there_is_room() -> None:
    """Three cells of two GPUs: in four domains of four such cells no stage straddles two."""
    strategy = Strategy(tp=2, pp=4, dp=3, dp_shard=3)
    placement = built(flat_topology(4), strategy, np.array([[3, 3, 3, 3]]))
    assert gpu_of_rank(strategy, placement)[::6].tolist() == [0, 8, 16, 24]
    assert levels(placement, "dp") == {"nvlink": 3}
    crowded = built(flat_topology(3), strategy, np.array([[3, 3, 3, 3]]))
    assert levels(crowded, "dp")["fabric"] == 2


def test_replicas_are_numbered_pod_after_pod() -> None:
    strategy = Strategy(tp=8, pp=2, dp=3, dp_shard=3)
    placement = built(podded_topology((2, 4)), strategy, np.array([[1, 1], [2, 2]]))
    heads = gpu_of_rank(strategy, placement)[::8].tolist()
    assert heads == [0, 16, 24, 8, 32, 40]
    assert levels(placement, "dp") == {"pod": 2, "core": 2}
    assert levels(placement, "pp") == {"pod": 2}


def test_large_cells_leave_the_rest_of_their_domains_idle() -> None:
    """Twelve GPUs as tp groups of four: eight on one domain, four on the next."""
    strategy = Strategy(tp=4, cp=3, pp=1, dp=2, dp_shard=2)
    placement = built(flat_topology(4), strategy, np.array([[2]]))
    assert gpu_of_rank(strategy, placement).tolist() == [*range(12), *range(16, 28)]
    assert levels(placement, "tp") == {"nvlink": 4}


def test_names_come_with_the_chosen_placement_only() -> None:
    strategy = Strategy(tp=8, pp=2, dp=1)
    topology = podded_topology((1, 1))
    bare = built(topology, strategy, np.array([[1, 0], [0, 1]]))
    full = named(strategy, bare, topology)
    assert {run.pod for run in bare.cells} == {""}
    assert [run.pod for run in full.cells] == ["pod0", "pod1"]
    assert full.axis_levels == bare.axis_levels
    assert full.pipeline_layout == bare.pipeline_layout
    np.testing.assert_array_equal(gpu_of_rank(strategy, full), gpu_of_rank(strategy, bare))


@st.composite
def _placings(draw: st.DrawFn) -> tuple[Topology, Strategy, np.ndarray]:
    hosts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    lost = draw(st.integers(0, 2))
    outages = [{"every": 2, "of": "domain", "lose": f"{lost} gpu"}] if lost else []
    topology = podded_topology(tuple(hosts), unavailable=outages)
    strategy = Strategy(tp=draw(st.sampled_from([1, 2, 3, 4])), cp=draw(st.sampled_from([1, 2, 4])))
    pods = Pods(topology)
    room = pods.capacity(pods.shape(StrategyBatch.of([strategy]), 0))
    pp = draw(st.integers(1, 4))
    cells = np.zeros((len(room), pp), dtype=np.int64)
    share = draw(st.integers(1, 3))
    for pod, free in enumerate(room.tolist()):
        cells[pod, :] = min(share, free // pp)
    return topology, strategy, cells


@settings(max_examples=60, deadline=None)
@given(_placings())
def test_every_rank_on_a_healthy_accelerator_of_its_pod(
    placing: tuple[Topology, Strategy, np.ndarray],
) -> None:
    topology, shape, cells = placing
    per_stage = int(cells[:, 0].sum())
    if per_stage == 0:
        return
    dp = per_stage
    strategy = Strategy(tp=shape.tp, cp=shape.cp, pp=cells.shape[1], dp=dp, dp_shard=dp)
    gpu = gpu_of_rank(strategy, built(topology, strategy, cells))
    assert len(np.unique(gpu)) == strategy.num_gpus
    assert (topology.gpu_state[gpu] == GpuState.USABLE).all()
    pods = Pods(topology)
    pod_of_gpu = topology.domain_unit[topology.domain_of(gpu), pods.level]
    by_cell = pod_of_gpu.reshape(strategy.pp, per_stage, strategy.cell_gpus)
    assert (by_cell == by_cell[:, :, :1]).all(), "a cell lies in two pods"
    for stage in range(strategy.pp):
        found = np.bincount(by_cell[stage, :, 0], minlength=len(cells))
        np.testing.assert_array_equal(found, cells[:, stage])
    domain = topology.domain_of(gpu).reshape(-1, strategy.cell_gpus)
    if strategy.cell_gpus <= 8:
        assert (domain == domain[:, :1]).all(), "a small cell lies in two domains"


@pytest.mark.parametrize("hosts", [(2, 2), (3, 1)])
def test_tp_never_leaves_its_domain(hosts: tuple[int, int]) -> None:
    strategy = Strategy(tp=4, cp=2, pp=2, dp=2, dp_shard=2)
    placement = built(
        podded_topology(hosts),
        strategy,
        np.array([[1, 1], [1, 1]]) if hosts[1] > 1 else np.array([[2, 1], [0, 1]]),
    )
    assert levels(placement, "tp") == {"nvlink": 4}
