"""Cells that fit: hand-counted cases, then identities on random irregular clusters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology
from placer.topology.capacity import cells_per_domain, cells_per_unit, pods
from placer.topology.tree import Topology

Build = Callable[..., Topology]


@pytest.mark.parametrize(
    ("cell_gpus", "cells"),
    [
        (1, [64, 64, 62]),
        (2, [32, 32, 30]),  # a domain with 7 of 8 holds three pairs
        (3, [16, 16, 16]),
        (4, [16, 16, 14]),
        (8, [8, 8, 6]),
        (12, [4, 4, 3]),  # takes two whole domains
        (16, [4, 4, 3]),
        (24, [2, 2, 2]),
        (64, [1, 1, 0]),
        (65, [0, 0, 0]),
    ],
)
def test_cells_of_a_pod_with_two_degraded_hosts(
    build: Build, cell_gpus: int, cells: list[int]
) -> None:
    topology = build(unavailable=["pod2-n[2-3]:7"])
    assert cells_per_unit(topology, 2, cell_gpus).tolist() == cells
    assert [pod.cells(cell_gpus) for pod in pods(topology)] == cells


def test_a_cell_larger_than_a_domain_is_of_one_generation(build_pods: Build) -> None:
    units = [{"size": "3 hosts"}, {"size": "3 hosts", "accelerator": "h200_sxm"}]
    topology = build_pods([{"units": units}, {"size": "4 hosts"}])
    assert cells_per_unit(topology, 2, 16).tolist() == [2, 2]
    assert cells_per_unit(topology, 2, 16, generation=1).tolist() == [1, 0]
    assert [pod.cells(16, generation=1) for pod in pods(topology)] == [1, 0]
    assert cells_per_unit(topology, 3, 16).tolist() == [4]


def test_racks_of_72_with_64_usable_hold_one_cell_of_64(build: Build) -> None:
    levels = [{"name": "spine", "size": 3, "latency": "4 us"}]
    topology = build(
        accelerator="gb200",
        scale_up={"name": "rack", "size": 72},
        scale_out={"link": "infiniband", "nic": "400 Gbit/s", "levels": levels},
        unavailable=[{"every": 1, "of": "rack", "lose": "2 hosts"}],
    )
    assert cells_per_domain(topology, 64).tolist() == [1, 1, 1]
    assert cells_per_unit(topology, 1, 72).tolist() == [0]
    assert cells_per_unit(topology, 1, 144).tolist() == [0]


def test_pods_describe_their_domains(build: Build) -> None:
    topology = build(unavailable=["pod1-n0", "pod1-n1:0"])
    pod = pods(topology)[1]
    assert (pod.name, pod.first_domain, pod.num_domains) == ("pod1", 8, 8)
    assert (pod.num_gpus, pod.num_usable) == (64, 55)
    assert pod.uplink_bytes_per_s == pytest.approx(64 * 25e9)
    assert [(kind.usable, kind.count) for kind in pod.classes] == [(8, 6), (7, 1), (0, 1)]


PARTS = ("h100_sxm", "a100_80g_sxm", "h200_sxm")


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Any]:
    """A small cluster with odd pods, mixed generations, failed hosts and accelerators."""
    num_pods = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(1, 9), min_size=num_pods, max_size=num_pods))
    listed = [
        {
            "size": f"{size} hosts",
            "accelerator": draw(st.sampled_from(PARTS)),
            "oversubscription": draw(st.sampled_from([1, 2, 4])),
        }
        for size in sizes
    ]
    slots = [f"pod{p}-n{h}:{g}" for p, s in enumerate(sizes) for h in range(s) for g in range(8)]
    failed = draw(st.lists(st.sampled_from(slots), max_size=12, unique=True))
    levels = [
        {"name": "leaf", "size": draw(st.integers(1, 4)), "latency": "3 us"},
        {"name": "pod", "latency": "4 us"},
        {"name": "core", "latency": "5 us"},
    ]
    return {
        "name": "random",
        "accelerator": "h100_sxm",
        "scale_out": {"link": "infiniband", "nic": "400 Gbit/s", "levels": levels},
        "host_name": "{pod}-n{index}" if num_pods > 1 else "pod0-n{index}",
        "pods": listed,
        "unavailable": failed,
    }


def built(document: dict[str, Any], **changes: Any) -> Topology:
    return build_topology(ClusterSpec.model_validate(document | changes))


@given(clusters())
def test_counts_add_up(document: dict[str, Any]) -> None:
    topology = built(document)
    assert topology.num_usable + topology.num_unusable == topology.num_accelerators
    for level in range(len(topology.levels)):
        for figure in (topology.domain_gpus, topology.domain_usable):
            assert topology.sum_over_units(level, figure).sum() == figure.sum()
        first = topology.unit_first_domain[level]
        assert first[0] == 0
        assert first[-1] == topology.num_domains
        assert (np.diff(first) > 0).all()
    ids = np.concatenate([topology.usable_gpu_ids(d) for d in range(topology.num_domains)])
    assert len(np.unique(ids)) == len(ids) == topology.num_usable


@given(clusters())
def test_every_unit_is_a_range_of_domains_inside_its_parent(document: dict[str, Any]) -> None:
    topology = built(document)
    for level in range(1, len(topology.levels)):
        inner, outer = topology.domain_unit[:, level - 1], topology.domain_unit[:, level]
        assert (np.diff(outer) >= 0).all()
        for unit in np.unique(inner):
            assert len(np.unique(outer[inner == unit])) == 1


@given(clusters(), st.integers(1, 40))
def test_outer_units_hold_at_least_what_inner_ones_do(
    document: dict[str, Any], cell_gpus: int
) -> None:
    topology = built(document)
    totals = [cells_per_unit(topology, v, cell_gpus).sum() for v in range(len(topology.levels))]
    assert totals == sorted(totals)
    assert totals[-1] * cell_gpus <= topology.num_usable
    by_pod = [pod.cells(cell_gpus) for pod in pods(topology)]
    assert by_pod == cells_per_unit(topology, topology.pod_level(), cell_gpus).tolist()


@given(clusters(), st.integers(1, 40))
def test_generations_share_no_cell(document: dict[str, Any], cell_gpus: int) -> None:
    topology = built(document)
    level = topology.pod_level()
    parts = [
        cells_per_unit(topology, level, cell_gpus, generation)
        for generation in range(len(topology.accelerators))
    ]
    assert sum(parts).tolist() == cells_per_unit(topology, level, cell_gpus).tolist()  # type: ignore[union-attr]


@given(clusters(), st.integers(1, 40), st.data())
def test_one_failure_more_never_makes_room(
    document: dict[str, Any], cell_gpus: int, data: st.DataObject
) -> None:
    topology = built(document)
    host = data.draw(st.integers(0, topology.num_hosts - 1))
    broken = [
        *document["unavailable"],
        f"{topology.host_name(host)}:{data.draw(st.integers(0, 7))}",
    ]
    worse = built(document, unavailable=broken)
    for level in range(len(topology.levels)):
        before = cells_per_unit(topology, level, cell_gpus)
        assert (cells_per_unit(worse, level, cell_gpus) <= before).all()


@given(clusters())
def test_names_lead_back_to_what_they_name(document: dict[str, Any]) -> None:
    topology = built(document)
    for host in range(topology.num_hosts):
        assert topology.names.host_named(topology.host_name(host)) == host
        assert topology.names.gpus_named(f"{topology.host_name(host)}:3") == range(
            host * 8 + 3, host * 8 + 4
        )
    for level in range(1, len(topology.levels)):
        for unit in range(topology.num_units(level)):
            domains = topology.names.domains_named(topology.unit_name(level, unit))
            assert domains == topology.unit_domains(level, unit)


@given(clusters())
def test_nothing_gets_wider_on_the_way_out(document: dict[str, Any]) -> None:
    topology = built(document)
    uplinks = topology.domain_uplink_bytes_per_s
    assert (np.diff(uplinks, axis=1) <= 0).all()
    for level in range(1, len(topology.levels)):
        narrowest = uplinks[:, level - 1].min()
        assert topology.levels[level].bandwidth_bytes_per_s == pytest.approx(narrowest)
