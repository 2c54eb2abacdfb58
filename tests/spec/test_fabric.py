"""``fabric`` in a cluster file: what it becomes, and how it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.errors import InputError
from placer.spec.cluster import ClusterSpec
from placer.spec.switch import Medium
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology

FABRIC = {"gpus": 1024, "link": "infiniband", "nic": "400 Gbit/s", "ports": 64, "rails": 8}


def cluster(accelerator: str = "h100_sxm", domain: int = 8, **fabric: Any) -> ClusterSpec:
    fields = {
        "name": "made",
        "accelerator": accelerator,
        "scale_up": {"size": domain},
        "fabric": FABRIC | fabric,
    }
    return ClusterSpec.model_validate(fields)


def levels(spec: ClusterSpec) -> list[tuple[str, int, float]]:
    """Name, accelerators of a unit, Gbit/s, of each network level."""
    topology = build_topology(spec)
    return [
        (level.name, level.num_accelerators, level.bandwidth_bytes_per_s / 1.25e8)
        for level in topology.levels[topology.domain_level + 1 :]
    ]


def test_two_tiers_are_a_superpod() -> None:
    """DGX SuperPOD, 1,024 H100: units of 256 under 8 rail leaves (jax-ml/scaling-book)."""
    assert levels(cluster()) == [("leaf", 256, 400), ("spine", 1024, 400)]


def test_three_tiers_are_the_larger_one() -> None:
    made = levels(cluster(gpus=16_384, tiers=3))
    assert made == [("leaf", 256, 400), ("pod", 1024, 400), ("core", 16_384, 400)]


def test_oversubscription_narrows_the_last_tier() -> None:
    made = levels(cluster(gpus=16_384, tiers=3, oversubscription=4, leaf_oversubscription=2))
    assert [rate for _, _, rate in made] == [400, 200, 50]


def test_planes_split_the_nic_and_keep_its_rate() -> None:
    spec = cluster(gpus=131_072, nic="800 Gbit/s", ports=512, planes=4, rails=1)
    assert levels(spec) == [("leaf", 256, 800), ("spine", 131_072, 800)]
    assert spec.scale_out is not None
    assert (spec.scale_out.nic, spec.scale_out.nics_per_accelerator) == (25e9, 4)


def test_what_does_not_divide_leaves_the_last_unit_smaller() -> None:
    spec = cluster(gpus=1000, domain=8, rails=1)
    topology = build_topology(spec)
    assert topology.num_accelerators == 1000
    assert cluster(gpus=1003).model_dump() == cluster(gpus=1000).model_dump()
    assert topology.num_units(topology.domain_level + 1) == 32


def test_what_carries_links_is_kept() -> None:
    network = cluster(medium="lpo").scale_out
    assert network is not None
    assert network.medium is Medium.LPO


def test_the_form_counted_out_is_what_is_kept() -> None:
    spec = cluster()
    assert spec.fabric is None
    assert ClusterSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("gpus: 131080", "at most 131,072 accelerators, which 2 tiers of 512-port"),
        ("gpus: 4", "at least one scale-up domain of 8"),
        ("tiers: 4", "fabric.tiers"),
        ("oversubscription: 0.5", "fabric.oversubscription"),
        ("radix: 64", "fabric.radix"),
    ],
)
def test_what_is_wrong_is_said_of_the_field(tmp_path: Path, change: str, message: str) -> None:
    fabric = ["link: roce", "nic: 800 Gbit/s", "planes: 4", "ports: 512"]
    if not change.startswith("gpus"):
        fabric.append("gpus: 1024")
    path = tmp_path / "made.yaml"
    lines = ["name: made", "accelerator: b200_sxm", "fabric:", *(f"  {x}" for x in fabric)]
    path.write_text("\n".join([*lines, f"  {change}", ""]))
    with pytest.raises(InputError) as caught:
        load_document(path, ClusterSpec)
    assert any(message in str(problem) for problem in caught.value.problems)


def test_two_networks_are_one_too_many() -> None:
    fields = {"name": "x", "accelerator": "h100_sxm", "fabric": FABRIC, "pods": [{"size": "8"}]}
    with pytest.raises(ValueError, match="no pods beside fabric"):
        ClusterSpec.model_validate(fields)


@given(
    gpus=st.integers(8, 20_000),
    domain=st.sampled_from([8, 16, 72]),
    tiers=st.sampled_from([2, 3]),
    oversubscription=st.sampled_from([1.0, 2.0, 7.0]),
)
def test_made_networks_hold(gpus: int, domain: int, tiers: int, oversubscription: float) -> None:
    try:
        spec = cluster(
            accelerator="gb200" if domain == 72 else "b200_sxm",
            domain=domain,
            gpus=gpus,
            tiers=tiers,
            oversubscription=oversubscription,
        )
    except ValueError:
        return  # does not reach, or no whole domain
    assert build_topology(spec).num_accelerators == gpus // domain * domain
