"""What each way over the link costs, against figures worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.across.diloco import (
    Streaming,
    diloco_cost,
    least_overlap_steps,
    outer_state_bytes,
    streaming_cost,
)
from placer.cost.across.pipelining import (
    Crossing,
    extra_activation_bytes,
    extra_in_flight,
    fill_s,
    link_bound_s,
    pipeline_exposed_s,
    stretched_s,
)
from placer.cost.across.routes import Exchange, SiteGraph
from placer.cost.across.shares import proportional_shares, proportional_steps, round_s
from placer.cost.across.synchronous import sync_cost
from placer.topology.tree import SiteLink

GB_PER_S = 1e9


def two_sites(bytes_per_s: float, one_way_s: float = 0.010) -> Exchange:
    link = SiteLink(sites=(0, 1), bandwidth_bytes_per_s=bytes_per_s, latency_s=one_way_s)
    return SiteGraph(num_sites=2, links=(link,)).exchange([0, 1])


def test_340b_over_800_gbit_takes_the_whole_backward_pass() -> None:
    """680 GB of bf16 gradients at 85 GB/s: 8.0 s, the whole step of 6,144 GPUs."""
    cost = sync_cost(two_sites(85 * GB_PER_S), 680e9, window_s=0.0)
    assert cost.sent_bytes == 680e9
    assert cost.exposed_s == pytest.approx(8.0 + 0.020)


def test_sync_hides_behind_the_backward_pass() -> None:
    cost = sync_cost(two_sites(85 * GB_PER_S), 680e9, window_s=10.0, chunks=80)
    assert cost.traffic_s == pytest.approx(8.02)
    assert cost.exposed_s == pytest.approx(8.0 / 80 + 0.020)


def test_diloco_divides_by_the_inner_steps() -> None:
    """INTELLECT-1 in the USA: 103 s every 100 steps of 22.8 s, 95.7 % of the time computing."""
    exchange = two_sites(10e9 / 103.0, one_way_s=0.0)
    cost = diloco_cost(exchange, 10e9, inner_steps=100)
    assert cost.exposed_s == pytest.approx(1.03)
    assert 22.8 / (22.8 + cost.exposed_s) == pytest.approx(0.957, abs=5e-4)


def test_streaming_hides_a_fragment_that_fits() -> None:
    # 100 GB in 20 fragments of 5 GB: 5 s each at 1 GB/s, hidden behind two steps of 3 s.
    how = Streaming(fragments=20, overlap_steps=2)
    cost = streaming_cost(two_sites(GB_PER_S), 100e9, inner_steps=100, step_s=3.0, streaming=how)
    assert cost.exposed_s == 0.0
    assert cost.peak_bytes_per_s == pytest.approx(5e9 / (6.0 - 0.020))


def test_streaming_waits_for_what_is_late() -> None:
    # With one step of overlap each fragment is 5.02 - 3 s late, 20 times in 100 steps.
    how = Streaming(fragments=20, overlap_steps=1)
    cost = streaming_cost(two_sites(GB_PER_S), 100e9, inner_steps=100, step_s=3.0, streaming=how)
    assert cost.exposed_s == pytest.approx(2.02 * 20 / 100)


def test_a_link_that_cannot_carry_all_fragments_binds() -> None:
    # 100 s of traffic in 20 steps of 3 s: 5 s per step, whatever the overlap.
    how = Streaming(fragments=4, overlap_steps=19)
    cost = streaming_cost(two_sites(GB_PER_S), 100e9, inner_steps=20, step_s=3.0, streaming=how)
    assert cost.exposed_s == pytest.approx(2.0)


def test_the_least_overlap() -> None:
    exchange = two_sites(GB_PER_S)
    assert least_overlap_steps(exchange, 100e9, fragments=20, step_s=3.0) == 2
    assert least_overlap_steps(exchange, 100e9, fragments=100, step_s=3.0) == 1


def test_outer_state_of_100b() -> None:
    """arXiv 2501.18512, section 2.5: 100B in 36 fragments of three layers is about 20 GB more."""
    how = Streaming(fragments=36, overlap_steps=1)
    assert outer_state_bytes(100e9) == 800e9
    assert outer_state_bytes(100e9, streaming=how, offloaded=True) == pytest.approx(
        22.22e9, rel=1e-3
    )
    assert outer_state_bytes(100e9, offloaded=True) == 0.0


CROSSING = Crossing(activation_bytes=2.5e8, bandwidth_bytes_per_s=50e9, latency_s=0.005)
"""250 MB over 400 Gbit/s, 1,000 km: 5 ms on the wire, 5 ms of glass."""


def test_a_crossing_takes_wire_and_glass() -> None:
    assert CROSSING.delay_s == pytest.approx(0.010)
    assert fill_s(CROSSING) == pytest.approx(0.020)


def test_in_flight_microbatches_cover_the_round_trip() -> None:
    # Stages of 8 ms: 20 ms are 2.5 micro-batches.
    extra = extra_in_flight(CROSSING, 0.008)
    assert extra == 3
    assert stretched_s(CROSSING, 0.008, downstream=3, extra=extra) == 0.008
    assert extra_activation_bytes(extra, 1e9) == 3e9


def test_too_few_in_flight_stretch_every_microbatch() -> None:
    # Four held on the stage before the cut: (4 x 8 + 20) / 4 = 13 ms.
    assert stretched_s(CROSSING, 0.008, downstream=3, extra=0) == pytest.approx(0.013)
    exposed = pipeline_exposed_s(
        CROSSING, stage_s=0.008, num_microbatches=64, downstream=3, extra=0
    )
    assert exposed == pytest.approx(0.020 + 64 * 0.005)


def test_pipelines_share_the_link() -> None:
    assert link_bound_s(CROSSING, 4) == pytest.approx(0.020)
    exposed = pipeline_exposed_s(
        CROSSING, stage_s=0.008, num_microbatches=64, downstream=3, extra=3, num_pipelines=4
    )
    assert exposed == pytest.approx(0.020 + 64 * 0.012)


@given(stage_s=st.floats(0.001, 1.0), downstream=st.integers(1, 30))
def test_enough_in_flight_never_stalls(stage_s: float, downstream: int) -> None:
    extra = extra_in_flight(CROSSING, stage_s)
    assert stretched_s(CROSSING, stage_s, downstream=downstream, extra=extra) <= stage_s * (
        1 + 1e-6
    )
    if extra:
        fewer = stretched_s(CROSSING, stage_s, downstream=downstream, extra=extra - 1)
        assert fewer > stage_s * (1 - 1e-9)


def test_slower_sites_take_fewer_inner_steps() -> None:
    steps = proportional_steps([2.0, 3.0, 2.5], 100)
    assert steps == (100, 66, 80)
    assert round_s([2.0, 3.0, 2.5], steps) == pytest.approx(200.0)


def test_batches_in_proportion() -> None:
    assert proportional_shares([3.0, 1.0], 2048) == (1536, 512)
    assert proportional_shares([3.0, 1.0], 2048, quantum=256) == (1536, 512)
    with pytest.raises(ValueError, match="multiple of 256 of at least 512, got 2000"):
        proportional_shares([3.0, 1.0], 2000, quantum=256)


@given(
    rates=st.lists(st.integers(1, 9), min_size=2, max_size=3),
    quanta=st.integers(3, 12),
)
def test_no_other_division_ends_earlier(rates: list[int], quanta: int) -> None:
    def end(shares: tuple[int, ...]) -> float:
        return max(share / rate for share, rate in zip(shares, rates, strict=True))

    def divisions(left: int, parts: int) -> list[tuple[int, ...]]:
        if parts == 1:
            return [(left,)]
        return [
            (first, *rest)
            for first in range(1, left - parts + 2)
            for rest in divisions(left - first, parts - 1)
        ]

    shares = proportional_shares([float(rate) for rate in rates], quanta)
    assert sum(shares) == quanta
    assert end(shares) == pytest.approx(min(end(each) for each in divisions(quanta, len(rates))))
