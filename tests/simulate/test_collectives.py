from __future__ import annotations

import numpy as np
import pytest
from plan_samples import LAB

from placer.cost.collectives import all_gather_s, all_to_all_s, p2p_s, ring_all_reduce_s
from placer.cost.constants import load_constants
from placer.simulate.collectives import Collectives, Operation
from placer.simulate.link_table import LinkTable
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

CONSTANTS = load_constants()
MIB = float(1 << 20)
NIC = 50e9  # 400 Gbit/s


def collectives_on(cluster: ClusterSpec) -> Collectives:
    return Collectives(LinkTable(build_topology(cluster), CONSTANTS), CONSTANTS.collectives)


def lab(**network: object) -> ClusterSpec:
    """LAB, 128 H100 in 4 leaves of 4 hosts, with another network."""
    data = LAB.model_dump(mode="json", exclude_defaults=True)
    scale_out = data["scale_out"] | network
    return ClusterSpec.model_validate(data | {"scale_out": scale_out})


def narrow_lab(ratio: float) -> ClusterSpec:
    levels = [
        {"name": "leaf", "size": "4 hosts", "latency": "5 us", "oversubscription": ratio},
        {"name": "core", "size": "4 leaf", "latency": "8 us"},
    ]
    return lab(levels=levels)


def carried(operation: Operation, table: LinkTable, kind: str) -> list[float]:
    """Bytes per byte of payload over the links of one kind that carry any, both directions."""
    found: list[float] = []
    for block in table.blocks:
        if block.name == kind:
            inside = (operation.loads.link >= block.first) & (
                operation.loads.link < block.first + len(block.capacity_bytes_per_s)
            )
            found += operation.loads.bytes_per_byte[inside].tolist()
    return found


def every(first: int, last: int, step: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.arange(first, last, step, dtype=np.int64)[None, :]


def test_a_ring_in_one_domain_passes_all_but_one_part_through_each_port() -> None:
    rings = collectives_on(LAB)
    operation = rings.ring("x", every(0, 8))
    assert carried(operation, rings.table, "nvlink port") == pytest.approx([7 / 8] * 16)
    assert carried(operation, rings.table, "NIC") == []
    assert not operation.leaves_domain


def test_a_ring_over_two_hosts_leaves_through_every_nic() -> None:
    """Eight rings over 16 accelerators: each NIC carries an eighth of 15/16 of the buffer."""
    rings = collectives_on(LAB)
    operation = rings.ring("x", every(0, 16))
    assert carried(operation, rings.table, "NIC") == pytest.approx([15 / 16 / 8] * 32)
    assert carried(operation, rings.table, "nvlink port") == pytest.approx([15 / 16 * 7 / 8] * 32)
    assert carried(operation, rings.table, "leaf uplink") == []
    assert operation.leaves_domain


def test_a_flat_ring_leaves_through_one_nic() -> None:
    rings = collectives_on(LAB)
    operation = rings.ring("x", every(0, 16), one_nic=True)
    assert carried(operation, rings.table, "NIC") == pytest.approx([15 / 16] * 4)


def test_ranks_of_a_host_follow_each_other_whatever_their_order() -> None:
    """Ranks that alternate between two hosts still cross between them once each way."""
    rings = collectives_on(LAB)
    mixed = np.array([[0, 8, 1, 9, 2, 10, 3, 11]])
    operation = rings.ring("x", mixed)
    assert carried(operation, rings.table, "NIC") == pytest.approx([7 / 8 / 4] * 16)


def test_a_ring_that_weaves_between_leaves_loads_their_uplinks_at_every_hop() -> None:
    """Hosts 0, 4, 1, 5 alternate between two leaves; in order, two of four hops stay inside."""
    rings = collectives_on(narrow_lab(4.0))
    hosts = np.array([0, 4, 1, 5]) * 8
    woven, sorted_ = rings.ring("x", hosts[None, :]), rings.ring("x", np.sort(hosts)[None, :])
    assert sum(carried(woven, rings.table, "leaf uplink")) == pytest.approx(4 * 2 * 3 / 4)
    assert sum(carried(sorted_, rings.table, "leaf uplink")) == pytest.approx(2 * 2 * 3 / 4)


def test_many_rings_share_a_narrow_uplink() -> None:
    """All 32 accelerators of a leaf ring to the next leaf: 4:1 makes it 4 times as slow."""
    groups = np.stack([np.arange(32), np.arange(32, 64)], axis=1)
    wide, narrow = (collectives_on(c).ring("x", groups).loads for c in (LAB, narrow_lab(4.0)))
    assert narrow.slowest_s_per_byte == pytest.approx(4.0 * wide.slowest_s_per_byte)
    lone = collectives_on(narrow_lab(4.0)).ring("x", groups[:8]).loads
    assert lone.slowest_s_per_byte == pytest.approx(wide.slowest_s_per_byte)


def test_an_exchange_sends_each_peer_its_part() -> None:
    """16 accelerators on two hosts: 7 parts stay inside, 8 leave."""
    exchanges = collectives_on(LAB)
    operation = exchanges.exchange("x", every(0, 16))
    assert carried(operation, exchanges.table, "nvlink port") == pytest.approx([7 / 16] * 32)
    assert carried(operation, exchanges.table, "NIC") == pytest.approx([8 / 16] * 32)


def test_an_exchange_across_leaves_loads_the_uplinks_of_every_rail() -> None:
    """One host in each of two leaves; eight rails, one leaf switch each."""
    exchanges = collectives_on(LAB)
    group = np.concatenate([np.arange(8), np.arange(32, 40)])[None, :]
    uplinks = carried(exchanges.exchange("x", group), exchanges.table, "leaf uplink")
    assert uplinks == pytest.approx([8 / 16] * 32)


def test_a_hop_takes_its_pair_of_nics() -> None:
    hops = collectives_on(LAB)
    operation = hops.pairs("x", np.array([0]), np.array([8]))
    assert carried(operation, hops.table, "NIC") == [1.0, 1.0]
    rate = NIC * CONSTANTS.link("infiniband").p2p
    assert operation.duration(64 * MIB).transfer_s == pytest.approx(64 * MIB / rate)


def two_sites() -> ClusterSpec:
    """Two hosts at each of two sites, 100 Gbit/s and 5 ms apart."""
    site = {"size": "2 hosts"}
    return ClusterSpec.model_validate(
        {
            "name": "two-sites",
            "accelerator": "h100_sxm",
            "scale_out": {
                "link": "infiniband",
                "nic": "400 Gbit/s",
                "levels": [{"name": "fabric", "latency": "5 us"}],
            },
            "sites": [{"name": "north", **site}, {"name": "south", **site}],
            "links": [{"between": ["north", "south"], "bandwidth": "100 Gbit/s", "rtt": "10 ms"}],
        }
    )


def test_sites_are_joined_by_their_lines() -> None:
    hops = collectives_on(two_sites())
    operation = hops.pairs("x", np.arange(4), np.arange(16, 20))
    assert carried(operation, hops.table, "site line") == [4.0]
    share = CONSTANTS.link("dci").p2p
    assert operation.loads.slowest_s_per_byte == pytest.approx(4.0 / (12.5e9 * share))
    assert operation.duration(MIB).lead_s > 5e-3


def test_rings_and_exchanges_cross_between_sites() -> None:
    """16 members at each site: 8 rings of an eighth cross once; each sends half of its buffer."""
    laid = collectives_on(two_sites())
    ring = carried(laid.ring("x", every(0, 32)), laid.table, "site line")
    assert ring == pytest.approx([31 / 32, 31 / 32])
    exchange = carried(laid.exchange("x", every(0, 32)), laid.table, "site line")
    assert exchange == pytest.approx([16 * 16 / 32] * 2)


SPANS = [(8, 1, 1), (2, 1, 1), (8, 4, 1), (4, 2, 1), (1, 4, 1), (8, 4, 4), (1, 4, 4), (8, 1, 4)]


def group_of(spans: tuple[int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Accelerators of so many per host, hosts per leaf and leaves."""
    inside, hosts, leaves = spans
    members = [
        leaf * 32 + host * 8 + gpu
        for leaf in range(leaves)
        for host in range(hosts)
        for gpu in range(inside)
    ]
    return np.array([members], dtype=np.int64)


@pytest.mark.parametrize("size", [MIB / 16, 4 * MIB, 256 * MIB])
@pytest.mark.parametrize("spans", SPANS, ids=str)
def test_laid_edge_by_edge_a_collective_takes_what_the_closed_form_says(
    spans: tuple[int, int, int], size: float
) -> None:
    """The members of one group with the network to themselves.

    One hop more for the part that crosses between domains at its first and its last step, two for an
    all-reduce; 4 % because ports do not pass what leaves through their accelerator's NIC.
    """
    laid = collectives_on(LAB)
    levels = build_topology(LAB).levels
    rows, group = np.array([spans]), group_of(spans)
    hop_s = laid.table.links[-1].full_hop_s
    ring = laid.ring("x", group).duration(size).total_s
    gathered = all_gather_s(size, rows, levels, CONSTANTS)[0]
    assert ring == pytest.approx(gathered, rel=0.04, abs=hop_s)
    exchange = laid.exchange("x", group).duration(size).total_s
    exchanged = all_to_all_s(size, rows, levels, CONSTANTS)[0]
    assert exchange == pytest.approx(exchanged, rel=0.01)
    twice = laid.reductions("x", group)[0].duration(size).total_s
    reduced = ring_all_reduce_s(size, rows, levels, CONSTANTS)[0]
    assert twice == pytest.approx(reduced, rel=0.04, abs=2 * hop_s)


@pytest.mark.parametrize(("target", "level"), [(1, 0), (8, 1), (32, 2)])
def test_a_transfer_takes_what_the_closed_form_says(target: int, level: int) -> None:
    levels = build_topology(LAB).levels
    laid = collectives_on(LAB).pairs("x", np.array([0]), np.array([target]))
    expected = p2p_s(16 * MIB, np.array([level]), levels, CONSTANTS)[0]
    assert laid.duration(16 * MIB).total_s == pytest.approx(expected)
