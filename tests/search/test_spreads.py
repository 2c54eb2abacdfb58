"""What a stage split over pods is charged: never more than any split of its variant costs."""

from __future__ import annotations

import numpy as np

from placer.search.instance import TrafficVariant, floor_of_spreads

VARIANTS = (
    TrafficVariant(widest=8, pods=1),
    TrafficVariant(widest=6, pods=2),
    TrafficVariant(widest=4, pods=2),
    TrafficVariant(widest=3, pods=3),
)


def test_wider_chunks_that_cost_less_are_left_alone() -> None:
    traffic = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert floor_of_spreads(traffic, VARIANTS).tolist() == traffic.tolist()


def test_a_wider_chunk_that_costs_more_counts_as_the_narrower_one() -> None:
    traffic = np.array([[5.0, 4.0, 2.0, 3.0]])
    assert floor_of_spreads(traffic, VARIANTS).tolist() == [[5.0, 2.0, 2.0, 3.0]]
