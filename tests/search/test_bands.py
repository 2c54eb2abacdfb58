"""Two-band placements against plain enumeration of how pods share two kinds of stages."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placer.search.bands import two_bands


def exists(pod_cells: list[int], first: int, rest: int, replicas: int) -> bool:
    """Whether some counts of both bands fit, by enumeration."""
    return any(
        sum((c - first * a) // rest for c, a in zip(pod_cells, mine, strict=True)) >= replicas
        for mine in itertools.product(*(range(min(replicas, c // first) + 1) for c in pod_cells))
        if sum(mine) == replicas
    )


@settings(deadline=None)
@given(
    pods=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    pp=st.integers(2, 5),
    replicas=st.integers(1, 4),
)
def test_finds_a_placement_wherever_one_exists(pods: list[int], pp: int, replicas: int) -> None:
    found = list(two_bands(np.array(pods), pp, replicas))
    for cells in found:
        assert cells.shape == (len(pods), pp)
        assert (cells >= 0).all()
        np.testing.assert_array_equal(cells.sum(axis=0), replicas)
        assert (cells.sum(axis=1) <= pods).all()
        changes = (np.diff(cells, axis=1) != 0).any(axis=0)
        assert changes.sum() <= 1
    parts = range(1, pp)
    assert len(found) == sum(exists(pods, part, pp - part, replicas) for part in parts)


def test_odd_pods_are_filled_by_the_mixture() -> None:
    """Pods of 3 and 6 cells hold three stages of three replicas only in two bands."""
    (cells,) = [c for c in two_bands(np.array([3, 6]), 3, 3) if c[0, 0] == 3]
    np.testing.assert_array_equal(cells, [[3, 0, 0], [0, 3, 3]])
