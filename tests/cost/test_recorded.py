"""Constants into a plan and back."""

from __future__ import annotations

from dataclasses import replace

from plan_samples import LAB

from placer.cost.constants import ConstantKind, load_constants
from placer.cost.recorded import constant_records, recorded_constants
from placer.plan.plan import ConstantRecord
from placer.topology.build import build_topology

LEVELS = build_topology(LAB).levels


def test_constants_of_links_the_cluster_lacks_are_not_listed() -> None:
    records = constant_records(load_constants(), LEVELS)
    links = {r.name.split(".")[1] for r in records if r.name.startswith("links.")}
    assert {"nvlink4", "scale_up", "network"} <= links
    assert not links & {"xgmi", "nvlink3", "nvlink5", "pcie"}
    assert all(record.source for record in records)


def test_what_was_recorded_comes_back() -> None:
    constants = load_constants().replace({"links.network.ring": 0.5}, source="our own")
    records = constant_records(constants, LEVELS)
    again = recorded_constants(records)
    assert again.value("links.network.ring") == 0.5
    changed = [c.name for c in again.entries if c.value != load_constants().value(c.name)]
    assert changed == ["links.network.ring"]
    assert {c.kind for c in again.entries if c.name in changed} == {ConstantKind.FITTED}


def test_a_constant_of_another_version_is_left_out() -> None:
    unknown = ConstantRecord(name="old", value=1.0, unit="s", kind="assumed", source="then")
    records = constant_records(load_constants(), LEVELS)
    assert recorded_constants((unknown, *records)) is load_constants()
    assert recorded_constants((replace(unknown, name="x.y"),)) is load_constants()
