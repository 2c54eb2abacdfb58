"""Traffic between sites: ring volumes, what overlap hides, the bandwidth a share of time needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.across.exchange import (
    backward_window,
    exchange_bytes,
    exchange_latency_s,
    exposed_s,
    required_bytes_per_s,
)

positive = st.floats(min_value=1e-3, max_value=1e3)


def test_two_sites_send_the_payload_once_each_way() -> None:
    # 340B parameters, bf16 gradients: 680 GB per direction and step.
    assert exchange_bytes(680e9, 2) == 680e9


def test_four_sites_send_one_and_a_half_times() -> None:
    assert exchange_bytes(100.0, 4) == 150.0


def test_a_ring_of_three_takes_four_steps_of_half_a_round_trip() -> None:
    assert exchange_latency_s(3, 0.020) == pytest.approx(4 * 0.010)


def test_what_fits_the_window_leaves_the_last_chunk() -> None:
    assert exposed_s(6.0, 10.0, chunks=12, latency_s=0.01) == pytest.approx(0.51)


def test_what_does_not_fit_is_waited_for() -> None:
    assert exposed_s(16.0, 10.0, chunks=12, latency_s=0.01) == pytest.approx(6.01)


def test_one_chunk_hides_nothing() -> None:
    assert exposed_s(6.0, 10.0) == 6.0


def test_the_backward_window_counts_pieces() -> None:
    # Two layers: F1 F2, A2 P2, P1. After A2 and P2 one piece of five is left.
    assert backward_window(2) == pytest.approx(1 / 5)
    assert backward_window(1) == 0.0
    assert backward_window(10_000) == pytest.approx(2 / 3, abs=1e-3)


def test_the_bandwidth_of_a_blocking_outer_step() -> None:
    # Half of the time waiting: 810 GB in 50 steps of 26 s is 623 MB/s.
    needed = required_bytes_per_s(810e9, 50 * 26.0, 0.5)
    assert needed == pytest.approx(810e9 / 1300.0)


@given(payload=positive, window=positive, computation=positive, chunks=st.integers(1, 100))
def test_required_bandwidth_is_the_inverse_of_exposed(
    payload: float, window: float, computation: float, chunks: int
) -> None:
    bandwidth = required_bytes_per_s(payload, computation, 0.8, window_s=window, chunks=chunks)
    waiting = exposed_s(payload / bandwidth, window, chunks=chunks)
    assert computation / (computation + waiting) == pytest.approx(0.8)


@given(traffic=positive, more=positive, window=positive, chunks=st.integers(1, 100))
def test_more_bandwidth_is_never_slower(
    traffic: float, more: float, window: float, chunks: int
) -> None:
    slower = exposed_s(traffic + more, window, chunks=chunks)
    assert exposed_s(traffic, window, chunks=chunks) <= slower
