from __future__ import annotations

import numpy as np
import pytest
from search_samples import flat_topology, podded_topology

from placer.plan.strategy import Strategy, StrategyBatch
from placer.search.pods import Pods
from placer.topology.tree import Topology


def capacity(topology: Topology, strategy: Strategy) -> list[int]:
    pods = Pods(topology)
    return list(pods.capacity(pods.shape(StrategyBatch.of([strategy]), 0)))


def test_one_fabric_is_one_pod() -> None:
    assert Pods(flat_topology(4)).num_pods == 1
    assert capacity(flat_topology(4), Strategy(tp=8)) == [4]
    assert capacity(flat_topology(4), Strategy(tp=2)) == [16]


def test_pods_are_counted_where_uplinks_narrow() -> None:
    topology = podded_topology((2, 3))
    assert Pods(topology).num_pods == 2
    assert Pods(topology).largest_gpus == 24
    assert capacity(topology, Strategy(tp=4)) == [4, 6]


def test_small_cells_do_not_straddle_domains() -> None:
    """Three GPUs each: two cells in a domain of eight, two GPUs idle."""
    assert capacity(flat_topology(4), Strategy(tp=3)) == [8]


def test_a_damaged_domain_holds_what_its_healthy_part_can() -> None:
    damaged = flat_topology(4, unavailable=[{"units": ["flat-n1"], "lose": "1 gpu"}])
    assert capacity(damaged, Strategy(tp=8)) == [3]
    assert capacity(damaged, Strategy(tp=2)) == [15]
    assert capacity(damaged, Strategy(tp=1)) == [31]


@pytest.mark.parametrize(
    ("strategy", "cells"),
    [
        (Strategy(tp=8, cp=2), 2),  # two whole domains
        (Strategy(tp=8, cp=3), 1),  # three of four
        (Strategy(tp=4, cp=3), 2),  # twelve GPUs as one tp group of four on each of... two domains
    ],
)
def test_large_cells_take_whole_domains(strategy: Strategy, cells: int) -> None:
    assert capacity(flat_topology(4), strategy) == [cells]


def test_large_cells_fill_their_domains_evenly_in_whole_groups() -> None:
    pods = Pods(flat_topology(4))
    batch = StrategyBatch.of([Strategy(tp=4, cp=3), Strategy(tp=2, cp=6), Strategy(tp=8, cp=2)])
    shapes = [pods.shape(batch, row) for row in range(3)]
    assert [(s.gpus, s.domains, s.filled) for s in shapes] == [(12, 2, 8), (12, 2, 6), (16, 2, 8)]


def test_large_cells_stay_inside_a_pod() -> None:
    topology = podded_topology((3, 3))
    assert capacity(topology, Strategy(tp=8, cp=2)) == [1, 1]
    slots = Pods(topology)
    found = slots.slots(slots.shape(StrategyBatch.of([Strategy(tp=8, cp=2)]), 0))
    np.testing.assert_array_equal(found.slots.domains, [[0, 1], [3, 4]])
