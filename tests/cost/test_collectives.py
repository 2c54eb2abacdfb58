"""Collectives: numbers worked out by hand, and what must hold whatever the cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.collectives import (
    all_gather_s,
    all_reduce_s,
    all_to_all_s,
    deduplicated_copies,
    expert_exchange_s,
    p2p_s,
    reduce_scatter_s,
    ring_all_reduce_s,
    tree_all_reduce_s,
)
from placer.cost.constants import Constants, load_constants
from placer.cost.stage_costs import FloatArray
from placer.plan.strategy import IntArray
from placer.spec.model import MoE
from placer.topology.level import DomainShape, Level, LevelKind, Routing

CONSTANTS = load_constants()
GIB = 1024.0**3
MOE = MoE(num_experts=256, top_k=8, ffn_hidden_size=2048, num_groups=8, topk_groups=4)

Collective = Callable[[float, IntArray, tuple[Level, ...], Constants], FloatArray]
COLLECTIVES: tuple[Collective, ...] = (
    all_gather_s,
    reduce_scatter_s,
    all_reduce_s,
    ring_all_reduce_s,
    tree_all_reduce_s,
    all_to_all_s,
)


def level(
    num_accelerators: int,
    gbytes_per_s: float,
    latency_s: float,
    link: str = "nvlink4",
    kind: LevelKind = LevelKind.SCALE_UP,
    *,
    shape: DomainShape = DomainShape.SWITCHED,
    routing: Routing = Routing.ADAPTIVE,
    reduction: bool = False,
) -> Level:
    return Level(
        name=f"{link}{num_accelerators}",
        kind=kind,
        num_accelerators=num_accelerators,
        bandwidth_bytes_per_s=gbytes_per_s * 1e9,
        latency_s=latency_s,
        link=link,
        shape=shape,
        routing=routing,
        in_network_reduction=reduction,
    )


NODE = level(8, 450.0, 1e-6, reduction=True)
FABRIC = level(4096, 50.0, 5e-6, "infiniband", LevelKind.SCALE_OUT)
H100 = (NODE, FABRIC)
TORUS = level(4096, 300.0, 1e-6, "ici", shape=DomainShape.TORUS)


def seconds(
    collective: Collective, size: float, *spans: int, levels: tuple[Level, ...] = H100
) -> float:
    return float(collective(size, np.array([spans], dtype=np.int64), levels, CONSTANTS)[0])


def without_latency() -> Constants:
    return CONSTANTS.replace({"collectives.ramp_s": 0.0, "collectives.base_latency_s": 0.0})


def transfer(collective: Collective, size: float, *spans: int) -> float:
    """Time of a message so large that only its transfer counts."""
    got = collective(size, np.array([spans], dtype=np.int64), H100, without_latency())
    return float(got[0])


def test_all_gather_inside_a_node() -> None:
    """(n-1)/n * S / (eta * W): 7/8 * 1 TB / (0.835 * 450 GB/s)."""
    assert transfer(all_gather_s, 1e12, 8, 1) == pytest.approx(7 / 8 * 1e12 / 375.75e9, rel=1e-3)


def test_ring_over_nodes_adds_up_their_nics() -> None:
    """4 nodes with 4 members each: 15/16 * 1 TB through 4 NICs of 0.985 * 50 GB/s."""
    expected = 15 / 16 * 1e12 / (4 * 49.25e9)
    assert transfer(all_gather_s, 1e12, 4, 4) == pytest.approx(expected, rel=1e-3)


def test_groups_with_one_member_per_node_own_a_nic_each() -> None:
    assert transfer(all_gather_s, 1e12, 1, 4) == pytest.approx(3 / 4 * 1e12 / 49.25e9, rel=1e-3)


def test_tensor_parallel_over_two_nodes_uses_all_their_nics() -> None:
    """A group of 16 over two nodes is not priced at one slow link: eight NICs outdo the ring."""
    over_two = transfer(all_gather_s, 1e12, 8, 2)
    assert over_two == pytest.approx(15 / 16 * 1e12 / 375.75e9, rel=1e-3)
    assert over_two < transfer(all_gather_s, 1e12, 1, 16) / 7


def test_all_reduce_in_the_switch_halves_the_traffic() -> None:
    """Eight H100: bus bandwidth 1.09 W against 0.835 W by ring."""
    ratio = transfer(ring_all_reduce_s, 1e12, 8, 1) / transfer(all_reduce_s, 1e12, 8, 1)
    assert ratio == pytest.approx(1.09 / 0.835, rel=1e-3)


def test_four_ranks_gain_nothing_from_the_switch() -> None:
    """NCCL takes the ring at four H200, NVLS from five (stas00/ml-engineering)."""
    ring = ring_all_reduce_s(1e12, np.array([[4, 1]]), H100, CONSTANTS)
    tree = tree_all_reduce_s(1e12, np.array([[4, 1]]), H100, CONSTANTS)
    assert ring[0] == pytest.approx(tree[0], rel=0.05)


def test_two_nodes_only_swap_halves() -> None:
    """NVIDIA/nccl-tests issue 309: 470 GB/s on two nodes, 370 on four."""
    two = 2 * 15 / 16 * 16 * GIB / seconds(all_reduce_s, 16 * GIB, 8, 2)
    four = 2 * 31 / 32 * 16 * GIB / seconds(all_reduce_s, 16 * GIB, 8, 4)
    assert two == pytest.approx(470e9, rel=0.04)
    assert four == pytest.approx(370e9, rel=0.05)


def test_reducing_fabric_lifts_the_network_bound() -> None:
    """DGX H100 with SHARP: 480 against 370 GB/s on 32 (NVIDIA GTC25 S72583)."""
    sharp = (NODE, replace(FABRIC, in_network_reduction=True))
    bus = 2 * 31 / 32 * 16 * GIB / seconds(all_reduce_s, 16 * GIB, 8, 4, levels=sharp)
    assert bus == pytest.approx(480e9, rel=0.03)


def test_nine_nics_fill_an_oversubscribed_uplink() -> None:
    """Of 72 NICs nine are busy; at 8:1 they can fill what the uplink has, at 4:1 half of it."""
    rack = level(72, 900.0, 1e-6, "nvlink5", reduction=True)
    buses = []
    for ratio in (8.0, 4.0):
        pod = level(144, 50.0, 5e-6, "infiniband", LevelKind.SCALE_OUT)
        core = level(1440, 50.0 / ratio, 5e-6, "infiniband", LevelKind.SCALE_OUT)
        took = seconds(all_gather_s, 1e12, 72, 1, 10, levels=(rack, pod, core))
        buses.append(719 / 720 * 1e12 / took)
    assert buses[0] == pytest.approx(72 * 0.985 * 50e9 / 8, rel=0.1)
    assert buses[1] == pytest.approx(9 * 0.985 * 50e9, rel=0.1)


def test_half_the_links_of_a_full_mesh_stay_dark_in_a_pair() -> None:
    """Two MI300X use one xGMI link of seven: 47.7 GB/s (stas00/ml-engineering)."""
    xgmi = (level(8, 448.0, 1e-6, "xgmi", shape=DomainShape.POINT_TO_POINT),)
    bus = 4 * GIB / seconds(all_reduce_s, 4 * GIB, 2, levels=xgmi)
    assert bus == pytest.approx(47.7e9, rel=0.05)


def test_torus_group_uses_the_axes_it_fills() -> None:
    """A ring along one axis of a cube uses a third of the links; all three axes use all."""
    torus = (replace(TORUS, dims=(16, 16, 16)),)
    line = seconds(all_gather_s, 1e12, 16, levels=torus)
    cube = seconds(all_gather_s, 1e12, 4096, levels=torus)
    assert line == pytest.approx(3 * 15 / 16 * 1e12 / (0.78 * 300e9), rel=0.01)
    assert cube == pytest.approx(4095 / 4096 * 1e12 / (0.78 * 300e9), rel=0.2)


def test_a_part_of_an_axis_has_no_way_round() -> None:
    """Four of sixteen in a row: one link each way instead of two of six."""
    torus = (replace(TORUS, dims=(16, 16, 16)),)
    row = seconds(all_gather_s, 1e12, 4, levels=torus)
    assert row == pytest.approx(6 * 3 / 4 * 1e12 / (0.78 * 300e9), rel=0.01)
    plane_and_a_half = seconds(all_gather_s, 1e12, 16 * 8, levels=torus)
    assert plane_and_a_half == pytest.approx(2 * 127 / 128 * 1e12 / (0.78 * 300e9), rel=0.02)


def test_torus_all_to_all_is_bound_by_the_bisection() -> None:
    """On a 16 x 16 x 16 torus a twelfth of the injection rate crosses (4 / (3 * 16))."""
    torus = (replace(TORUS, dims=(16, 16, 16)),)
    expected = 4095 / 4096 * 1e12 / (0.73 * 300e9 / 12)
    assert seconds(all_to_all_s, 1e12, 4096, levels=torus) == pytest.approx(expected, rel=0.01)


def test_torus_without_sides_is_one_ring() -> None:
    whole = replace(TORUS, num_accelerators=64)
    ring = seconds(all_to_all_s, 1e12, 64, levels=(whole,))
    assert ring == pytest.approx(63 / 64 * 1e12 / (0.73 * 300e9 * 4 / 64), rel=0.01)


def test_torus_neighbours_share_one_link_each_way() -> None:
    torus = (replace(TORUS, dims=(16, 16, 16)),)
    hop = p2p_s(1e12, np.array([0]), torus, CONSTANTS)[0]
    assert hop == pytest.approx(1e12 / (0.88 * 50e9), rel=0.01)


def test_one_collective_keeps_nine_nics_of_a_rack_busy() -> None:
    rack = (level(72, 900.0, 1e-6, "nvlink5", reduction=True), FABRIC)
    bus = 1439 / 1440 * 1e12 / seconds(all_gather_s, 1e12, 72, 20, levels=rack)
    assert bus == pytest.approx(9 * 49.25e9, rel=0.1)


def test_all_to_all_over_nodes_is_bound_by_each_nic() -> None:
    """NVIDIA/nccl-tests issue 130: k/(k-1) times the NIC rate over k nodes."""
    expected = 3 / 4 * 1e12 / 47.5e9
    assert transfer(all_to_all_s, 1e12, 8, 4) == pytest.approx(expected, rel=1e-3)


def test_hop_between_stages() -> None:
    """Launch, flushed hop and 64 MiB at 47.5 GB/s; inside a node at 0.88 W."""
    index = np.array([0, 1])
    inside, across = p2p_s(64 * 1024.0**2, index, H100, without_latency())
    assert across == pytest.approx(64 * 1024**2 / 47.5e9 + 2 * 5e-6 + 2.9e-6)
    assert inside == pytest.approx(64 * 1024**2 / 396e9 + 1e-6 + 2.9e-6)


def test_what_shares_a_nic_slows_the_network_only() -> None:
    spans = np.array([[8, 1], [1, 8]])
    alone = all_gather_s(1e12, spans, H100, CONSTANTS)
    shared = all_gather_s(1e12, spans, H100, CONSTANTS, sharing=2.0)
    assert shared[0] == alone[0]
    assert shared[1] == pytest.approx(2 * alone[1], rel=1e-3)


@pytest.mark.parametrize(
    ("routing", "factor"), [(Routing.QP_SPLIT, 1 / 0.85), (Routing.HASHED, 1 / 0.45)]
)
def test_poor_routing_costs_bandwidth(routing: Routing, factor: float) -> None:
    hashed = (NODE, replace(FABRIC, routing=routing))
    ratio = seconds(all_gather_s, 1e12, 1, 8, levels=hashed) / seconds(all_gather_s, 1e12, 1, 8)
    assert ratio == pytest.approx(factor, rel=1e-2)


def test_half_rate_size_of_rings_grows_with_ranks() -> None:
    """Measured NIC use of 64 to 1,024 GPUs: 0.96 / (1 + 1.7 MB * n / S) (aliyun/SimAI nic_ratio)."""
    for nodes in (8, 32, 128):
        for size in (16 * 1024.0**2, GIB, 16 * GIB):
            law = 0.96 / (1 + 1.7e6 * 8 * nodes / size)
            bus = size / seconds(all_gather_s, size, 8, nodes)
            assert bus / 400e9 == pytest.approx(law, rel=0.2)


def test_copies_of_a_token_over_all_eight_domains() -> None:
    """Node-limited routing: four of eight domains, hence 7.2 of 64 ranks instead of 8 copies."""
    copies = deduplicated_copies(np.array([8.0]), np.array([8.0]), MOE)
    assert copies.domains[0] == pytest.approx(4 * (1 - (3 / 4) ** 8))  # drawn among four groups
    assert copies.ranks[0] == pytest.approx(32 * (1 - (31 / 32) ** 8))


def test_copies_of_a_token_in_one_domain() -> None:
    """Eight draws hit 5.25 of eight ranks."""
    copies = deduplicated_copies(np.array([1.0]), np.array([8.0]), MOE)
    assert copies.domains[0] == 1.0
    assert copies.ranks[0] == pytest.approx(5.25, abs=0.01)


def exchange(spans: list[int], levels: tuple[Level, ...], *, deduplicated: bool) -> float:
    got = expert_exchange_s(
        tokens=4096.0,
        bytes_per_token=14336.0,
        moe=MOE,
        spans=np.array([spans]),
        levels=levels,
        constants=CONSTANTS,
        deduplicated=deduplicated,
    )
    return float(got[0])


@pytest.mark.parametrize(
    ("spans", "deduplicated", "measured_s", "tolerance"),
    [
        ([8, 8], False, 9164e-6, 0.05),
        ([8, 8], True, 4626e-6, 0.10),
        ([8, 1], False, 1265e-6, 0.16),
    ],
)
def test_dispatch_of_deepseek_v3_on_h100(
    spans: list[int], deduplicated: bool, measured_s: float, tolerance: float
) -> None:
    """The dispatch latencies of arXiv 2603.07685 Table 7, at 4096 tokens of 7168 in BF16."""
    assert exchange(spans, H100, deduplicated=deduplicated) == pytest.approx(
        measured_s, rel=tolerance
    )


def test_dispatch_inside_a_rack_beats_dispatch_over_nodes() -> None:
    rack = (level(72, 900.0, 1e-6, "nvlink5"), FABRIC)
    for deduplicated in (False, True):
        inside = exchange([64, 1], rack, deduplicated=deduplicated)
        assert inside < exchange([8, 8], rack, deduplicated=deduplicated) / 3


def test_a_group_of_one_costs_nothing() -> None:
    for collective in COLLECTIVES:
        assert seconds(collective, 1e9, 1, 1) == 0.0


def test_rows_are_independent_and_sizes_broadcast() -> None:
    spans = np.array([[8, 1], [1, 8], [8, 4]])
    sizes = np.array([1e6, 1e8, 1e9])
    for collective in COLLECTIVES:
        together = collective(sizes, spans, H100, CONSTANTS)  # type: ignore[arg-type]
        alone = [seconds(collective, s, *row) for s, row in zip(sizes, spans, strict=True)]
        assert together.tolist() == alone


shapes = st.sampled_from([DomainShape.SWITCHED, DomainShape.POINT_TO_POINT, DomainShape.TORUS])
rates = st.floats(1.0, 2000.0)
latencies = st.floats(1e-7, 1e-4)
sizes = st.floats(1.0, 1e12)
collectives = st.sampled_from(COLLECTIVES)


@st.composite
def hierarchies(draw: st.DrawFn) -> tuple[tuple[Level, ...], tuple[int, ...]]:
    """Two scale-up and two scale-out levels with a group that covers some of each."""
    counts = [draw(st.sampled_from([1, 2, 3, 4, 8, 72])) for _ in range(2)]
    counts += [draw(st.sampled_from([1, 2, 3, 16, 128])) for _ in range(2)]
    sizes_up = np.cumprod([8 * 9, 72, 128, 128]).tolist()
    kinds = [LevelKind.SCALE_UP] * 2 + [LevelKind.SCALE_OUT] * 2
    links = ["nvlink5", "xgmi", "infiniband", "roce"]
    levels = tuple(
        level(
            size,
            draw(rates),
            draw(latencies),
            link,
            kind,
            shape=draw(shapes) if kind is LevelKind.SCALE_UP else DomainShape.SWITCHED,
            routing=draw(st.sampled_from(Routing)),
            reduction=draw(st.booleans()),
        )
        for size, link, kind in zip(sizes_up, links, kinds, strict=True)
    )
    return levels, tuple(counts)


@given(hierarchies(), collectives, sizes, st.integers(0, 3), st.floats(1.0, 10.0))
def test_more_bandwidth_is_never_slower(
    case: tuple[tuple[Level, ...], tuple[int, ...]],
    collective: Collective,
    size: float,
    at: int,
    factor: float,
) -> None:
    levels, spans = case
    faster = list(levels)
    rate = faster[at].bandwidth_bytes_per_s * factor
    faster[at] = replace(faster[at], bandwidth_bytes_per_s=rate)
    before = seconds(collective, size, *spans, levels=levels)
    assert seconds(collective, size, *spans, levels=tuple(faster)) <= before * (1 + 1e-12)


@given(hierarchies(), collectives, sizes, st.integers(0, 3), st.floats(1.0, 10.0))
def test_more_latency_is_never_faster(
    case: tuple[tuple[Level, ...], tuple[int, ...]],
    collective: Collective,
    size: float,
    at: int,
    factor: float,
) -> None:
    levels, spans = case
    slower = list(levels)
    slower[at] = replace(slower[at], latency_s=slower[at].latency_s * factor)
    before = seconds(collective, size, *spans, levels=levels)
    assert seconds(collective, size, *spans, levels=tuple(slower)) >= before * (1 - 1e-12)


@given(hierarchies(), collectives, sizes, st.floats(1.0, 100.0))
def test_larger_messages_are_never_faster(
    case: tuple[tuple[Level, ...], tuple[int, ...]],
    collective: Collective,
    size: float,
    factor: float,
) -> None:
    levels, spans = case
    larger = seconds(collective, size * factor, *spans, levels=levels)
    assert larger >= seconds(collective, size, *spans, levels=levels) * (1 - 1e-12)


@given(hierarchies(), sizes)
def test_no_exchange_beats_its_links(
    case: tuple[tuple[Level, ...], tuple[int, ...]], size: float
) -> None:
    """What leaves each unit cannot leave it faster than the accelerator's link allows."""
    levels, spans = case
    ranks, inside = float(np.prod(spans)), 1.0
    took = seconds(all_to_all_s, size, *spans, levels=levels)
    for one, covered in zip(levels, spans, strict=True):
        if covered > 1:
            assert took >= size * (ranks - inside) / ranks / one.bandwidth_bytes_per_s
        inside *= covered


@given(hierarchies(), sizes)
def test_no_all_reduce_beats_its_links(
    case: tuple[tuple[Level, ...], tuple[int, ...]], size: float
) -> None:
    """A reduction in the network still takes every byte up once."""
    levels, spans = case
    took = seconds(all_reduce_s, size, *spans, levels=levels)
    inside = 1.0
    for one, covered in zip(levels, spans, strict=True):
        if covered > 1:
            assert took >= size / inside / one.bandwidth_bytes_per_s / 2.2 * (1 - 1e-9)
        inside *= covered


@st.composite
def two_levels(draw: st.DrawFn) -> tuple[Level, ...]:
    """A switched domain and a slower network around it: less bandwidth, no less latency."""
    rate, latency_s = draw(rates), draw(latencies)
    reduction = draw(st.booleans())
    return (
        level(72, rate, latency_s, "nvlink5", reduction=reduction),
        level(
            72 * 64,
            rate * draw(st.floats(0.001, 0.45)),
            latency_s * draw(st.floats(1.0, 100.0)),
            "infiniband",
            LevelKind.SCALE_OUT,
            reduction=reduction and draw(st.booleans()),
        ),
    )


@given(
    two_levels(),
    st.sampled_from((all_gather_s, reduce_scatter_s, all_reduce_s, all_to_all_s)),
    sizes,
    st.sampled_from([(8, 4), (8, 8), (4, 4), (2, 1), (72, 36), (72, 24), (72, 1), (64, 16)]),
)
def test_a_group_that_leaves_its_domain_is_never_faster(
    levels: tuple[Level, ...], collective: Collective, size: float, split: tuple[int, int]
) -> None:
    ranks, inside = split
    within = seconds(collective, size, ranks, 1, levels=levels)
    across = seconds(collective, size, inside, ranks // inside, levels=levels)
    assert across >= within * (1 - 1e-12)


@given(hierarchies(), collectives, sizes)
def test_times_are_finite_and_not_negative(
    case: tuple[tuple[Level, ...], tuple[int, ...]], collective: Collective, size: float
) -> None:
    levels, spans = case
    took = seconds(collective, size, *spans, levels=levels)
    assert np.isfinite(took)
    assert took >= 0.0


def test_uneven_groups_take_the_steps_of_their_ranks() -> None:
    """23 ranks on 12 and 11 of two domains: 21 steps inside, one between, as on 16 and 7."""
    spans = np.array([[12, 2], [16, 2]])
    empty = all_gather_s(1e-9, spans, H100, CONSTANTS, ranks=23.0)
    assert empty[0] == pytest.approx(empty[1])
    assert empty[0] < all_gather_s(1e-9, spans, H100, CONSTANTS)[0]
