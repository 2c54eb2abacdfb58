"""Better hardware never ranks lower."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from compare_samples import RUN, layout
from plan_samples import DENSE_MODEL, MOE_MODEL

import placer
from placer.search.options import SearchOptions
from placer.spec.accelerator import Accelerator
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec

GAP = 0.005
OPTIONS = SearchOptions(top=1, gap=GAP, fix={"vpp": 1, "micro_batch_size": 1, "recompute": 0})

PART: dict[str, Any] = yaml.safe_load("""
name: A part
architecture: hopper
bf16: {value: 900 TFLOP/s, kind: assumed}
bf16_achievable: {value: 700 TFLOP/s, kind: assumed}
hbm: {value: 40 GB, kind: assumed}
hbm_usable: {value: 36 GiB, kind: assumed}
hbm_bandwidth: {value: 3 TB/s, kind: assumed}
power: {value: 700 W, kind: assumed}
gpus_per_host: 8
scale_up:
  link: nvlink4
  type: switched
  size: 8
  bandwidth: {value: 300 GB/s, kind: assumed}
  latency: {value: 1 us, kind: assumed}
""")

BETTER: dict[str, dict[str, str]] = {
    "compute": {"bf16": "1800 TFLOP/s", "bf16_achievable": "1400 TFLOP/s"},
    "memory": {"hbm": "80 GB", "hbm_usable": "72 GiB"},
    "memory bandwidth": {"hbm_bandwidth": "6 TB/s"},
}


def made(name: str, figures: dict[str, str], **changes: Any) -> ClusterSpec:
    """The layout with a part of its own, some of whose figures are changed."""
    changed = {field: {"value": value, "kind": "assumed"} for field, value in figures.items()}
    return layout(name, accelerator="part", accelerators={"part": PART | changed}, **changes)


BASE = made("base", {}, nic="200 Gbit/s", oversubscription=4)
LAYOUTS = {
    **{
        what: made("better", figures, nic="200 Gbit/s", oversubscription=4)
        for what, figures in BETTER.items()
    },
    "network": made("better", {}, nic="400 Gbit/s", oversubscription=4),
    "uplinks": made("better", {}, nic="200 Gbit/s", oversubscription=1),
    "scale-up bandwidth": made(
        "better",
        {},
        nic="200 Gbit/s",
        oversubscription=4,
        scale_up={"size": 8, "bandwidth": "600 GB/s"},
    ),
    "domain": made("better", {}, nic="200 Gbit/s", oversubscription=4, domain=16, hosts_per_pod=1),
}


@pytest.mark.parametrize("model", [DENSE_MODEL, MOE_MODEL], ids=["dense", "moe"])
@pytest.mark.parametrize("what", LAYOUTS)
def test_better_hardware_never_ranks_lower(what: str, model: ModelSpec) -> None:
    """Both are proven within the gap, so the better one may trail by no more than that."""
    better, base = LAYOUTS[what], BASE
    compared = placer.compare(model, [base, better], RUN, OPTIONS)
    speed = {row.layout.name: row.layout.tokens_per_s or 0.0 for row in compared.rows}
    assert speed["better"] >= speed["base"] / (1 + GAP)


def test_the_parts_are_what_they_say() -> None:
    """A figure that is read nowhere would make the tests above hold for nothing."""
    assert set(BETTER["compute"]) | set(BETTER["memory"]) <= set(PART)
    assert Accelerator.__dataclass_fields__.keys() >= {"hbm_usable_bytes", "bf16_flops_per_s"}
