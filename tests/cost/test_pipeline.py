"""Schedules: step time from stage times, micro-batches in flight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.pipeline import (
    bare_crossings,
    bubble_share,
    exposed_dp_s,
    in_flight_microbatches,
    steady_and_bubble_s,
)
from placer.plan.microbatch_groups import microbatch_group_size, microbatch_group_sizes
from placer.plan.strategy import Schedule

STAGE_TIMES = st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=12)


def test_balanced_pipeline_has_the_textbook_bubble() -> None:
    """(p - 1) (t_f + t_b) / v, Narayanan et al., arXiv 2104.04473, section 2.2."""
    steady, bubble = steady_and_bubble_s(np.full(8, 0.5), np.array(32.0), np.array(4.0))
    assert steady == pytest.approx(32 * 0.5)
    assert bubble == pytest.approx(7 * 0.5 / 4)


@given(STAGE_TIMES, st.integers(1, 64), st.integers(1, 8))
def test_a_slower_stage_never_shortens_the_step(times: list[float], m: int, v: int) -> None:
    before = sum(steady_and_bubble_s(np.array(times), np.array(float(m)), np.array(float(v))))
    times[0] += 0.5
    after = sum(steady_and_bubble_s(np.array(times), np.array(float(m)), np.array(float(v))))
    assert after >= before


@pytest.mark.parametrize(
    ("pp", "vpp", "m", "stage", "expected"),
    [
        (8, 1, 32, 0, 8.0),  # 1F1B: as many as stages behind
        (8, 1, 32, 7, 1.0),
        (8, 1, 4, 0, 4.0),  # never more than there are
        (8, 4, 32, 0, 8 * (1 + 7 / (8 * 4))),  # arXiv 2205.05198, section 4.2.3
        (8, 4, 32, 7, (3 * 8 + 1) / 4),  # last stage: its chunks but the last, and one
        (4, 2, 4, 0, 4.0),  # all micro-batches: M v chunks at most
    ],
)
def test_in_flight(pp: float, vpp: float, m: float, stage: float, expected: float) -> None:
    held = in_flight_microbatches(np.array(pp), np.array(vpp), np.array(m), np.array(stage))
    assert held == pytest.approx(expected)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 1))
def test_overlap_hides_no_more_than_there_is(traffic: float, window: float, drag: float) -> None:
    exposed = float(exposed_dp_s(np.array(traffic), np.array(window), drag))
    assert 0.0 <= exposed <= traffic
    assert exposed >= traffic - window - 1e-12
    assert exposed >= drag * traffic - 1e-12


@pytest.mark.parametrize(
    ("pp", "m", "size"),
    [
        (8, 32, 8),  # divides
        (8, 20, 10),  # 20 = 8 + 8 + 4 leaves too few, 9 leaves 2, 10 leaves none
        (8, 9, 9),  # one group of all
        (16, 24, 24),  # nothing shorter leaves 16
    ],
)
def test_microbatch_groups_as_megatron_allows_them(pp: int, m: int, size: int) -> None:
    assert microbatch_group_size(pp, m) == size
    assert microbatch_group_sizes(np.array([float(pp)]), np.array([float(m)]))[0] == size


def test_bubbles_of_other_schedules() -> None:
    """DeepSeek-V3, arXiv 2412.19437, table 2, with F = W = t / 3, B = 2 t / 3, F&B = t."""
    assert bubble_share(Schedule.ONE_F_ONE_B, 16) == 1.0
    assert bubble_share(Schedule.ZERO_BUBBLE, 16) * 15 == pytest.approx(15 / 3)
    assert bubble_share(Schedule.DUAL_PIPE, 16) * 15 == pytest.approx((16 / 2 - 1) * 2 / 3)


@pytest.mark.parametrize(
    ("pp", "vpp", "expected"),
    [
        (1, 1, [0.0]),
        (4, 1, [2.0, 2.0, 2.0, 0.0]),  # there and back through three hops, none from last to first
        (4, 3, [6.0, 6.0, 6.0, 4.0]),  # three chunks, two wraps, there and back
    ],
)
def test_every_chunk_of_the_fill_waits_for_its_hops(
    pp: int, vpp: int, expected: list[float]
) -> None:
    assert bare_crossings(pp, vpp).tolist() == expected
