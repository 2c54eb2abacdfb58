"""Published loss changes: what is printed is read back, between is interpolated, beyond is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.cost.across.quality import (
    SYNCHRONOUS,
    Quality,
    compute_factor,
    load_quality,
    published_quality,
    quality_of,
)
from placer.errors import InputError

TABLES = published_quality()


def quality(parameters: float, replicas: int, inner_steps: int = 30) -> Quality:
    return quality_of(TABLES, num_parameters=parameters, replicas=replicas, inner_steps=inner_steps)


@pytest.mark.parametrize(
    ("parameters", "replicas", "change"),
    [
        (35e6, 1, -0.001),
        (550e6, 4, 0.007),
        (2.4e9, 8, 0.011),
        (10e9, 2, -0.0019),
        (10e9, 4, 0.0029),
    ],
)
def test_what_is_printed_is_read_back(parameters: float, replicas: int, change: float) -> None:
    """arXiv 2503.09799, tables 4, 5 and 13."""
    assert quality(parameters, replicas).loss_change == pytest.approx(change)
    assert quality(parameters, replicas).beyond == ()


def test_between_sizes_it_is_linear_in_log_size() -> None:
    # The geometric mean of 1.3B and 2.4B, eight replicas: halfway between 1.3 % and 1.1 %.
    assert quality((1.3e9 * 2.4e9) ** 0.5, 8).loss_change == pytest.approx(0.012)


def test_three_replicas_lie_between_two_and_four() -> None:
    assert (
        quality(10e9, 2).loss_change < quality(10e9, 3).loss_change < quality(10e9, 4).loss_change
    )


def test_more_inner_steps_cost_by_the_doubling() -> None:
    # 1B, two replicas: 2.48 at 30 and 2.50 at 100 inner steps (arXiv 2501.18512, table 6).
    more = quality(1e9, 2, 100).loss_change - quality(1e9, 2, 30).loss_change
    assert more == pytest.approx(2.50 / 2.48 - 1, abs=2e-4)


def test_fewer_inner_steps_are_not_credited() -> None:
    assert quality(1e9, 2, 5) == quality(1e9, 2, 30)


def test_a_percent_of_loss_is_a_quarter_of_the_computation() -> None:
    assert compute_factor(0.01, -0.0953) == pytest.approx(1.232, abs=1e-3)
    assert compute_factor(0.002, -0.0953) == pytest.approx(1.043, abs=1e-3)
    assert quality(10e9, 4).equivalent(1e6) == pytest.approx(1e6 / 1.0627, rel=1e-4)


def test_a_lower_loss_is_no_credit() -> None:
    assert quality(10e9, 2).compute_factor == 1.0
    assert SYNCHRONOUS.equivalent(5.0) == 5.0


def test_beyond_the_largest_model_the_figure_is_held_and_said() -> None:
    at_405b = quality(405e9, 4)
    assert at_405b.loss_change == quality(10e9, 4).loss_change
    assert at_405b.beyond == ("size: 405B, figures of 10B held (largest measured with 4 replicas)",)


def test_beyond_the_measured_range_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        quality(10e9, 16, 500)
    assert [str(problem) for problem in caught.value.problems] == [
        (
            "DiLoCo: inner steps: expected at most 300, got 500. "
            "Nothing was measured beyond; ask for extrapolation to go on anyway."
        ),
        (
            "DiLoCo: replicas: expected at most 8, got 16. "
            "Nothing was measured beyond; ask for extrapolation to go on anyway."
        ),
    ]


def test_whoever_asks_for_extrapolation_is_told() -> None:
    answer = quality_of(TABLES, num_parameters=1e9, replicas=16, inner_steps=500, extrapolate=True)
    assert answer.beyond == (
        "inner steps: 500, at most 300 measured",
        "replicas: 16, at most 8 measured",
    )


def test_a_table_of_ones_own_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "quality.yaml"
    path.write_text("loss_change: {kind: measured, source: me, replicas: [2], rows: []}\n")
    with pytest.raises(InputError) as caught:
        load_quality(path)
    assert any(problem.field == "loss_change.rows" for problem in caught.value.problems)


@given(
    parameters=st.floats(1e7, 1e12),
    replicas=st.integers(1, 8),
    inner_steps=st.integers(30, 299),
)
def test_more_inner_steps_never_improve_the_loss(
    parameters: float, replicas: int, inner_steps: int
) -> None:
    fewer = quality(parameters, replicas, inner_steps)
    assert fewer.loss_change <= quality(parameters, replicas, inner_steps + 1).loss_change
    assert fewer.compute_factor >= 1.0
