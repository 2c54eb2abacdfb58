from __future__ import annotations

import pytest

from placer.validate.statistics import (
    mean,
    mean_absolute,
    median_absolute,
    percentile_absolute,
    ranks,
    spearman,
)

ERRORS = (0.1, -0.2, 0.3, -0.4)


def test_means_and_percentiles_by_hand() -> None:
    assert mean_absolute(ERRORS) == pytest.approx(0.25)
    assert mean(ERRORS) == pytest.approx(-0.05)
    assert median_absolute(ERRORS) == pytest.approx(0.25)
    # between the third and fourth of four: position 0.9 * 3 = 2.7
    assert percentile_absolute(ERRORS, 90.0) == pytest.approx(0.3 + 0.7 * 0.1)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks([30.0, 10.0, 20.0, 20.0]).tolist() == [4.0, 1.0, 2.5, 2.5]


def test_spearman_by_hand() -> None:
    assert spearman([1.0, 2.0, 3.0], [10.0, 20.0, 15.0]) == pytest.approx(0.5)
    # 1 - 6 * sum(d^2) / (n (n^2 - 1)) with d = 0, 0, 1, 1, 0
    assert spearman([1, 2, 3, 4, 5], [5, 6, 8, 7, 9]) == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert spearman([1.0, 2.0], [2.0, 1.0]) == pytest.approx(-1.0)


def test_spearman_says_nothing_without_variation() -> None:
    assert spearman([], []) is None
    assert spearman([1.0], [2.0]) is None
    assert spearman([1.0, 1.0], [1.0, 2.0]) is None
