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
    misses,
)
from placer.validate.nccl_systems import measured_systems


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
    assert {miss.system for miss in misses(check.rows)} == set(measured_systems().misses)
    assert all(miss.reason for miss in misses(check.rows))


def test_machines_without_a_known_miss_are_within_the_bar(check: CollectiveCheck) -> None:
    rows = [
        r
        for r in check.rows
        if r.regime is Regime.LARGE and r.system not in measured_systems().misses
    ]
    assert sum(abs(r.error) for r in rows) / len(rows) <= 0.05
