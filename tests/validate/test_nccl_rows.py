"""Collectives against published measurements, without fitting any machine on its own."""

from __future__ import annotations

import pytest

from placer.cost.constants import load_constants
from placer.validate.collectives import (
    CollectiveCheck,
    GroupError,
    Regime,
    check_collectives,
    group_errors,
)

KNOWN_MISSES = {
    "B200 P6-B200 4 nodes, 8x400G EFAv4": "EFA takes about 360 us up to 16 MiB and ramps up late",
    "H100 A3 High 2 nodes, 4x200G TCPX": "TCPX takes about 1 ms and reaches 71 of 100 GB/s",
    "GB200 NVL72 20 racks": "latency grows by 3 us a rank, as in a ring, at a rate rings do not have",
    "GB200 NVL72 2 racks": "the same at 512 MiB",
    "GB200 3x NVL4 partitions in different racks over IB": "a forced tree that NCCL does not choose",
    "GB200 3x NVL8 partitions in different racks over IB": "a forced tree that NCCL does not choose",
    "DGX A100 8x200G": "the slide gives the NIC rate as all-to-all bandwidth over four nodes",
    "DGX H100 8x400G": "the slide gives the NIC rate as all-to-all bandwidth over four nodes",
    "Ascend A3 384 SuperPOD (910C, HCCS/UB)": "bandwidth falls with ranks inside one domain",
    "SM100 NVLink": "one of two dispatch kernels is faster than any NVLink5 all-to-all",
}
"""Machines with a row of 64 MiB or more, or an expert exchange, that is off by more than 20 %."""


@pytest.fixture(scope="module")
def check() -> CollectiveCheck:
    return check_collectives(load_constants())


@pytest.fixture(scope="module")
def groups(check: CollectiveCheck) -> dict[str, GroupError]:
    return {group.name: group for group in group_errors(check.rows)}


def test_every_measurement_is_compared_or_skipped_with_its_reason(check: CollectiveCheck) -> None:
    assert len(check.rows) + len(check.skipped) == 360
    assert len(check.skipped) == 44
    assert all(row.reason for row in check.skipped)


def test_large_messages(groups: dict[str, GroupError]) -> None:
    large = groups[Regime.LARGE]
    assert large.num_rows > 150
    assert large.mape <= 0.065
    assert abs(large.bias) <= 0.03


def test_small_messages(groups: dict[str, GroupError]) -> None:
    assert groups[Regime.SMALL].mape <= 0.17


def test_messages_in_between(groups: dict[str, GroupError]) -> None:
    assert groups[Regime.MIDDLE].mape <= 0.25


def test_expert_exchanges(groups: dict[str, GroupError]) -> None:
    assert groups[Regime.EXPERTS].mape <= 0.15


def test_large_misses_are_the_known_ones(check: CollectiveCheck) -> None:
    large = (Regime.LARGE, Regime.EXPERTS)
    missed = {r.system for r in check.rows if r.regime in large and abs(r.error) > 0.20}
    assert missed == set(KNOWN_MISSES)


def test_machines_without_a_known_miss_are_within_the_bar(check: CollectiveCheck) -> None:
    rows = [r for r in check.rows if r.regime is Regime.LARGE and r.system not in KNOWN_MISSES]
    assert sum(abs(r.error) for r in rows) / len(rows) <= 0.05
