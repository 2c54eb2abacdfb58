from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene_samples import NUM_PRIVATE, operation

from placer.simulate.sharing import SharedLinks, progressive_filling


def speeds(busy: list[list[float]], most: list[float], rate: list[float]) -> list[float]:
    filled = progressive_filling(np.array(busy), np.array(most), np.array(rate))
    assert filled.shape == (len(most),)
    return [float(speed) for speed in filled]


def test_two_that_share_a_link_get_half() -> None:
    assert speeds([[1.0, 1.0]], [1.0, 1.0], [1.0, 1.0]) == pytest.approx([0.5, 0.5])


def test_what_one_cannot_use_the_other_gets() -> None:
    assert speeds([[1.0, 1.0]], [0.3, 1.0], [1.0, 1.0]) == pytest.approx([0.3, 0.7])


def test_the_textbook_case() -> None:
    """Three flows, two links: one on both, one on each; the second link is twice as wide."""
    busy = [[1.0, 1.0, 0.0], [0.5, 0.0, 0.5]]
    assert speeds(busy, [9.0] * 3, [1.0] * 3) == pytest.approx([0.5, 0.5, 1.5])


def test_bytes_per_port_are_shared_equally_not_speeds() -> None:
    """Alone, the first moves a quarter of the second's bytes per port: it keeps its speed."""
    shares = speeds([[0.5, 1.0]], [1.0, 1.0], [1.0, 4.0])
    assert shares == pytest.approx([1.0, 0.5])


@given(st.data())
def test_no_link_is_overbooked_and_everybody_is_stopped_by_something(data: st.DataObject) -> None:
    links, flows = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    share = st.floats(0.0, 1.0).map(lambda x: 0.0 if x < 0.2 else x)
    busy = np.array([[data.draw(share) for _ in range(flows)] for _ in range(links)])
    most = np.array([data.draw(st.floats(0.1, 1.0)) for _ in range(flows)])
    rate = np.array([data.draw(st.floats(0.5, 4.0)) for _ in range(flows)])
    speed = progressive_filling(busy, most, rate)
    load = busy @ speed
    assert (load <= 1.0 + 1e-6).all()
    assert (speed <= most + 1e-9).all()
    throughput = speed * rate
    for flow in range(flows):
        full = (load >= 1.0 - 1e-6) & (busy[:, flow] > 0.0)
        richest = [throughput[busy[link] > 0.0].max() for link in np.flatnonzero(full)]
        at_most = speed[flow] >= most[flow] * (1.0 - 1e-6)
        bottleneck = any(throughput[flow] >= rich * (1.0 - 1e-6) for rich in richest)
        assert at_most or bottleneck


def test_links_that_cannot_fill_are_left_out() -> None:
    """Link 0 takes 0.4 of each of two; link 1 all of both; link 2 belongs to one alone."""
    operations = [
        operation({0: 0.4, 1: 1.0, 2: 1.0}),
        operation({0: 0.4, 1: 1.0}),
        operation({3: 1}),
    ]
    shared = SharedLinks(operations, NUM_PRIVATE)
    assert shared.busy.tolist() == [[1.0, 1.0, 0.0]]
    assert shared.contended.tolist() == [True, True, False]


def test_speeds_are_of_those_who_are_there() -> None:
    shared = SharedLinks([operation({0: 1.0}), operation({0: 1.0})], NUM_PRIVATE)
    assert shared.speeds(((0, 1.0),)) == (1.0,)
    assert shared.speeds(((0, 1.0), (1, 1.0))) == pytest.approx((0.5, 0.5))
    assert shared.speeds(((0, 0.2), (1, 1.0))) == pytest.approx((0.2, 0.8))


def test_nothing_to_share() -> None:
    assert SharedLinks([], NUM_PRIVATE).contended.tolist() == []
