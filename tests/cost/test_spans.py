"""Spans of contiguous placements against an enumeration of every rank."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.spans import AxisSpans, contiguous_spans, pack, spans_of
from placer.plan.placement import AxisLevels, PipelineLayout, Placement
from placer.plan.strategy import Strategy, StrategyBatch
from placer.topology.level import Level, LevelKind

AXES = ("tp", "cp", "dp", "dp_cp", "etp", "ep", "edp")


def cluster(*sizes: int, scale_up: int = 1) -> tuple[Level, ...]:
    """Levels of these sizes, the first ``scale_up`` of them one scale-up domain."""
    return tuple(
        Level(
            name=f"level{i}",
            kind=LevelKind.SCALE_UP if i < scale_up else LevelKind.SCALE_OUT,
            num_accelerators=size,
            bandwidth_bytes_per_s=450e9 if i < scale_up else 50e9,
            latency_s=1e-6 if i < scale_up else 5e-6,
            link="nvlink4" if i < scale_up else "infiniband",
        )
        for i, size in enumerate(sizes)
    )


def combs(strategy: Strategy) -> dict[str, tuple[int, int]]:
    """Stride and degree of each axis in rank order."""
    model, expert = strategy.tp * strategy.cp, strategy.etp * strategy.ep
    return {
        "tp": (1, strategy.tp),
        "cp": (strategy.tp, strategy.cp),
        "dp": (model, strategy.dp),
        "dp_cp": (strategy.tp, strategy.cp * strategy.dp),
        "etp": (1, strategy.etp),
        "ep": (strategy.etp, strategy.ep),
        "edp": (expert, strategy.edp),
    }


def addresses(strategy: Strategy, levels: tuple[Level, ...]) -> list[tuple[int, ...]]:
    """Where each rank sits, outermost unit first: cells fill domains, in order, by hand."""
    packing = pack(StrategyBatch.of([strategy]), levels)
    units = packing.unit_slots[0].tolist()
    cell, cell_slots = int(packing.cell_gpus[0]), int(packing.cell_slots[0])
    places = []
    for rank in range(strategy.num_gpus):
        slot = rank // cell * cell_slots + rank % cell
        place = []
        for unit in reversed(units):
            place.append(slot // unit)
            slot %= unit
        places.append((*place, slot))
    return places


def enumerated(strategy: Strategy, levels: tuple[Level, ...], axis: str) -> list[int]:
    """Widest coverage per level over every group of the axis, by counting."""
    stride, degree = combs(strategy)[axis]
    places = addresses(strategy, levels)
    widest = [1] * len(levels)
    for start in range(strategy.num_gpus):
        if start // stride % degree:
            continue
        members = [places[start + i * stride] for i in range(degree)]
        for at in range(len(levels)):
            depth = len(levels) - at
            children = {member[: depth + 1] for member in members}
            units = [child[:depth] for child in children]
            widest[at] = max(widest[at], *(units.count(unit) for unit in units))
    return widest


def spans(strategy: Strategy, levels: tuple[Level, ...]) -> AxisSpans:
    return contiguous_spans(StrategyBatch.of([strategy]), levels)


def test_llama_405b_groups_on_16k_h100() -> None:
    """TP 8 fills a node, DP 128 at TP 8 takes one accelerator of each of 128 nodes."""
    levels = cluster(8, 256, 3072, 24576)
    got = spans(Strategy(tp=8, pp=16, dp=128), levels)
    assert got.tp.tolist() == [[8, 1, 1, 1]]
    assert got.dp.tolist() == [[1, 32, 4, 1]]
    assert got.hop_level.tolist() == [3]


def test_expert_group_keeps_to_its_rack() -> None:
    """EP 64 leaves 8 of 72 accelerators of each NVL72 idle rather than straddle two racks."""
    levels = cluster(72, 576)
    got = spans(Strategy(ep=64, pp=4, dp=128), levels)
    assert got.ep.tolist() == [[64, 1]]
    assert got.edp.tolist() == [[1, 2]]
    assert got.dp.tolist() == [[64, 2]]
    assert got.hop_level.tolist() == [1]


def test_tensor_group_larger_than_a_node() -> None:
    """TP 16 covers two nodes of eight."""
    got = spans(Strategy(tp=16, dp=4), cluster(8, 64))
    assert got.tp.tolist() == [[8, 2]]
    assert got.dp.tolist() == [[1, 4]]


def test_cell_larger_than_a_domain_is_split_evenly() -> None:
    """A cell of 96 in racks of 72 takes 48 of each of two racks."""
    got = spans(Strategy(tp=8, ep=96, dp=24), cluster(72, 576))
    assert got.ep.tolist() == [[48, 2]]
    assert got.tp.tolist() == [[8, 1]]


def test_stage_pairs_inside_a_domain_hop_inside_it() -> None:
    got = spans(Strategy(tp=2, pp=4), cluster(8, 64))
    assert got.hop_level.tolist() == [0]


@st.composite
def regular_case(draw: st.DrawFn) -> tuple[Strategy, tuple[Level, ...]]:
    """A strategy on a cluster whose levels nest evenly, cells no larger than a domain."""
    degree = st.sampled_from([1, 2, 3, 4])
    tp, cp, dp, pp = (draw(degree) for _ in range(4))
    stage = tp * cp * dp
    etp = draw(st.sampled_from([d for d in (1, 2, 4) if stage % d == 0]))
    ep = draw(st.sampled_from([d for d in range(1, 13) if stage // etp % d == 0]))
    strategy = Strategy(tp=tp, cp=cp, dp=dp, pp=pp, ep=ep, etp=etp)
    domain = draw(st.integers(strategy.cell_gpus, strategy.cell_gpus + 9))
    leaf = domain * draw(st.integers(1, 4))
    return strategy, cluster(domain, leaf, leaf * draw(st.integers(40, 60)))


@given(regular_case())
def test_spans_equal_enumeration(case: tuple[Strategy, tuple[Level, ...]]) -> None:
    """On evenly nested levels the closed form is what counting ranks gives."""
    strategy, levels = case
    got = spans(strategy, levels)
    for axis in AXES:
        assert getattr(got, axis)[0].tolist() == enumerated(strategy, levels, axis), axis


@st.composite
def uneven_case(draw: st.DrawFn) -> tuple[Strategy, tuple[Level, ...]]:
    """Any strategy on any hierarchy: cells over several domains, two-level domains that overlap."""
    degree = st.sampled_from([1, 2, 3, 4, 5])
    tp, cp, dp, pp = (draw(degree) for _ in range(4))
    stage = tp * cp * dp
    ep = draw(st.sampled_from([d for d in range(1, 13) if stage % d == 0]))
    inner = draw(st.integers(2, 8))
    domain = inner * draw(st.integers(1, 4))
    levels = cluster(inner, domain, domain * 5, domain * 5 * 200, scale_up=draw(st.integers(1, 2)))
    return Strategy(tp=tp, cp=cp, dp=dp, pp=pp, ep=ep), levels


@given(uneven_case())
def test_spans_bound_enumeration(case: tuple[Strategy, tuple[Level, ...]]) -> None:
    """Elsewhere they are never too narrow, and at most one unit too wide."""
    strategy, levels = case
    got = spans(strategy, levels)
    for axis in AXES:
        counted = np.array(enumerated(strategy, levels, axis))
        excess = getattr(got, axis)[0] - counted
        assert excess.min() >= 0, axis
        assert excess.max() <= 1, axis


@given(regular_case())
def test_hop_level_holds_neighbouring_stages(case: tuple[Strategy, tuple[Level, ...]]) -> None:
    strategy, levels = case
    places = addresses(strategy, levels)
    level = int(spans(strategy, levels).hop_level[0])
    stage = strategy.gpus_per_stage
    depth = len(levels) - level
    for first, second in pairwise(range(0, strategy.num_gpus, stage)):
        for offset in range(stage):
            assert places[first + offset][:depth] == places[second + offset][:depth]


@given(regular_case())
def test_rows_do_not_depend_on_each_other(case: tuple[Strategy, tuple[Level, ...]]) -> None:
    strategy, levels = case
    other = Strategy(tp=2, dp=2)
    together = contiguous_spans(StrategyBatch.of([other, strategy]), levels)
    alone = spans(strategy, levels)
    assert together.dp[1].tolist() == alone.dp[0].tolist()
    assert together.ep[1].tolist() == alone.ep[0].tolist()


def placement(*axes: AxisLevels) -> Placement:
    return Placement(
        axis_levels=axes,
        cells=(),
        pipeline_layout=PipelineLayout(chunks=()),
        gpus_used=32,
        gpus_available=64,
        gpus_unusable=0,
        spares=0,
    )


def test_spans_of_a_placement_are_what_it_states() -> None:
    names = ("nvlink", "leaf", "core")
    tp = AxisLevels(axis="tp", levels={"nvlink": 8}, groups=4, groups_crossing={})
    pp = AxisLevels(axis="pp", levels={"nvlink": 1, "leaf": 4}, groups=8, groups_crossing={})
    got = spans_of(placement(tp, pp), names)
    assert got.tp.tolist() == [[8, 1, 1]]
    assert got.dp.tolist() == [[1, 1, 1]]
    assert got.hop_level.tolist() == [1]


def test_spans_of_a_placement_without_pipeline_hop_nowhere() -> None:
    assert spans_of(placement(), ("nvlink",)).hop_level.tolist() == [0]


@pytest.mark.parametrize("gpus", [8, 64, 72])
def test_unused_strategies_of_one_cover_one(gpus: int) -> None:
    got = spans(Strategy(), cluster(gpus, gpus * 8))
    assert all(getattr(got, axis).tolist() == [[1, 1]] for axis in AXES)
